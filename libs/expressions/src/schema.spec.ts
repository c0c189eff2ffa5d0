import { compareSchemas } from './schema-change';
import { dataTypeOf } from './schema-type';

describe('the type of data', () => {
  it('is that of a closed object, and else whatever comes', () => {
    const closed = { type: 'object', additionalProperties: false, properties: { text: { type: ['string', 'null'] }, whole: { type: 'integer' }, list: { type: 'array' }, open: { type: 'object', properties: {} } } };
    expect(dataTypeOf(closed)).toEqual({ text: 'string', whole: 'double', list: 'list', open: 'dyn' });
    for (const schema of [undefined, true, {}, { ...closed, additionalProperties: true }, { type: ['string', 'number'] }]) expect(dataTypeOf(schema)).toBe('dyn');
  });
});

describe('a changed schema', () => {
  const objectOf = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });

  it('is told by field, with whom it breaks', () => {
    const before = objectOf({ a: { type: 'string' }, b: { type: 'integer', minimum: 1 }, c: { enum: [1, 2] } }, { required: ['a'] });
    const after = objectOf({ b: { type: 'string', minimum: 0 }, c: { const: 1 }, 'odd name': {} }, { required: ['c'] });
    expect(compareSchemas(before, after)).toEqual([
      { field: 'data.a', what: 'it is gone', breaks: 'readers' },
      { field: 'data["odd name"]', what: 'it is new and optional' },
      { field: 'data.c', what: 'it becomes required', breaks: 'publishers' },
      { field: 'data.b', what: 'its type changes from integer to string', breaks: 'readers' },
      { field: 'data.c', what: '2 may not stand there any more', breaks: 'publishers' },
    ]);
  });

  it('is followed through references and lists, and is none where both say the same', () => {
    const withRef = { $defs: { leg: objectOf({ from: { type: 'string' } }) }, ...objectOf({ legs: { type: 'array', items: { $ref: '#/$defs/leg' } } }) };
    const written = objectOf({ legs: { type: 'array', items: objectOf({ from: { type: 'string' } }) } });
    expect(compareSchemas(withRef, written)).toEqual([]);
    expect(compareSchemas(withRef, objectOf({ legs: { type: 'array', items: objectOf({}) } }))).toEqual([{ field: 'data.legs[].from', what: 'it is gone', breaks: 'readers' }]);
  });

  it('says of items that are no longer described what it says of a field', () => {
    const legs = (items?: object) => objectOf({ legs: { type: 'array', ...(items && { items }) } });
    const anything = { by: 'types', added: ['null', 'boolean', 'object', 'array', 'string'], had: ['number'] };
    expect(compareSchemas(legs({ type: 'number' }), legs())).toEqual([{ field: 'data.legs[]', what: 'its type is wider from number to any', loosens: anything }]);
    expect(compareSchemas(legs({ type: 'number' }), legs({}))).toEqual(compareSchemas(legs({ type: 'number' }), legs()));
    expect(compareSchemas(legs(), legs({}))).toEqual([]);
    expect(compareSchemas(legs(), legs({ type: 'number' }))).toEqual([{ field: 'data.legs[]', what: 'its type is narrower from any to number', breaks: 'publishers' }]);
  });

  it.each([
    ['maximum', 5, 6, undefined], ['maximum', 5, 4, 'publishers'], ['minLength', 2, 1, undefined], ['minLength', 2, 3, 'publishers'], ['maxItems', 5, undefined, undefined], ['minItems', undefined, 1, 'publishers'],
  ])('with %s from %p to %p breaks %p', (keyword, from, to, breaks) => {
    const [change] = compareSchemas({ [keyword]: from }, { [keyword]: to });
    expect(change.breaks).toBe(breaks);
  });

  it('breaks publishers where it cannot be told', () => {
    expect(compareSchemas({ anyOf: [{ type: 'string' }] }, { anyOf: [{ type: 'number' }] })).toMatchObject([{ field: 'data', what: '"anyOf" changes', breaks: 'publishers', loosens: { by: 'types' } }]);
    expect(compareSchemas({ anyOf: [{ type: 'string' }] }, {})).toMatchObject([{ field: 'data', what: '"anyOf" is dropped', loosens: { by: 'types' } }]);
  });

  it.each<[object, object, object]>([
    [{ type: 'number' }, { type: ['number', 'string'] }, { what: 'its type is wider from number to number or string', loosens: { by: 'types', added: ['string'], had: ['number'] } }],
    [{ type: 'integer' }, { type: ['integer', 'null'] }, { what: 'its type is wider from integer to integer or null', loosens: { by: 'types', added: ['null'], had: ['integer'] } }],
    [{ enum: ['A'] }, { enum: ['A', 'B'] }, { what: '"B" may stand there too', loosens: { by: 'values', added: ['"B"'] } }],
    [{ enum: ['A'] }, { enum: ['A', 1] }, { what: 'its type is wider from string to number or string', loosens: { by: 'types', added: ['number'], had: ['string'] } }],
    [{ const: 'A', type: 'string' }, { type: 'string' }, { what: 'it may hold any value now', loosens: { by: 'values' } }],
  ])('says what readers can rely on no more: from %j to %j', (before, after, change) => {
    expect(compareSchemas(objectOf({ a: before }), objectOf({ a: after }))[0]).toEqual({ field: 'data.a', ...change });
  });

  it('says so of a field that may be left out', () => {
    const fields = objectOf({ a: {} });
    expect(compareSchemas({ ...fields, required: ['a'] }, fields)).toEqual([{ field: 'data.a', what: 'it may be left out now', loosens: { by: 'absence' } }]);
  });
});
