import { compile } from './expression';

const demandsOf = (source: string) => compile(source, { variables: { data: 'dyn', key: 'string' } }).demands;

describe('what an expression takes for granted', () => {
  it('is that what it computes with is there, is not null, and of the type that it was', () => {
    expect(demandsOf('data.a.b + data.c')).toEqual({ present: ['data.a', 'data.a.b', 'data.c'], notNull: ['data.a', 'data.a.b', 'data.c'], typed: ['data.a', 'data.a.b', 'data.c'], member: [] });
    expect(demandsOf('key')).toEqual({ present: [], notNull: [], typed: [], member: [] });
  });

  it('is of what it only compares that it is there', () => {
    for (const source of ['data.a == "x"', 'data.a in ["x"]', 'type(data.a) == double']) expect(demandsOf(source)).toEqual({ present: ['data.a'], notNull: [], typed: [], member: [] });
  });

  it.each([
    'has(data.a) ? data.a : 0.0', '!has(data.a) ? 0.0 : data.a', 'has(data.a) && data.a > 1.0', '!has(data.a) || data.a > 1.0', `'a' in data ? data['a'] : 0.0`,
    'has(data.a) && has(data.b) ? data.a : 0.0', '!(!has(data.a) || key == "x") ? data.a : 0.0', 'has(data.a) && data.a != null ? data.a : 0.0',
  ])('is not that a field is there that %s asks for', (source) => {
    expect(demandsOf(source).present).toEqual([]);
  });

  it.each(['has(data.a) ? 0.0 : data.a', 'has(data.b) ? data.a : 0.0', 'has(data.a) || data.a > 1.0', 'data.a > 1.0 && has(data.a)', 'has(data.a) && key == "x" || data.a > 1.0'])('is that it is there where %s asks in vain', (source) => {
    expect(demandsOf(source).present).toContain('data.a');
  });

  it('is not what stands there where that was asked', () => {
    expect(demandsOf('data.a != null ? data.a : 0.0')).toMatchObject({ notNull: [], typed: ['data.a'] });
    expect(demandsOf('data.a == null ? 0.0 : data.a')).toMatchObject({ notNull: [] });
    expect(demandsOf('type(data.a) == double ? data.a : 0.0')).toMatchObject({ notNull: [], typed: [] });
    expect(demandsOf('double == type(data.a) ? 0.0 : data.a').typed).toEqual(['data.a']);
    expect(demandsOf('type(data.a) != null_type ? data.a : 0.0')).toMatchObject({ notNull: [], typed: ['data.a'] });
    expect(demandsOf(`{'x': 1.0}[data.a]`).member).toEqual(['data.a']);
    expect(demandsOf(`data.a in ['x'] ? {'x': 1.0}[data.a] : 0.0`).member).toEqual([]);
  });

  it('is told of what stands in lists, also through loops', () => {
    expect(demandsOf('data.legs[0].from + data.legs.map(l, l.to)[0]').present).toEqual(['data.legs', 'data.legs[]', 'data.legs[].from', 'data.legs[].to']);
    expect(demandsOf('data.legs.filter(l, has(l.to)).exists(m, m.to == "x")').present).toEqual(['data.legs', 'data.legs[]', 'data.legs[].to']);
    expect(demandsOf('data.legs.all(l, !has(l.to) || l.to == "x")').present).toEqual(['data.legs', 'data.legs[]']);
  });

  it('is told of fields with names that are no words', () => {
    expect(demandsOf(`data['a b'].c`).present).toEqual(['data["a b"]', 'data["a b"].c']);
  });
});
