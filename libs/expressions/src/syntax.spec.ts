import { compile, type Limits } from './expression';
import { ExpressionError } from './expression-error';

const failure = (source: string, values?: Record<string, unknown>, limits?: Partial<Limits>): ExpressionError => {
  try {
    const expression = compile(source, { variables: { data: 'map' }, limits });
    if (values) expression.evaluate(values);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('regular expressions', () => {
  const run = (source: string, values: Record<string, unknown>): unknown => compile(source, { variables: { data: 'map' }, returns: 'bool' }).evaluate(values);

  it('are found anywhere in the text, as a function and as a method', () => {
    expect(run('re2(data.code, "^[A-Z]{3}$")', { data: { code: 'ABE' } })).toBe(true);
    expect(run('data.code.re2("b+")', { data: { code: 'aBBbc' } })).toBe(true);
    expect(run('!re2(data.code, r"\\d")', { data: { code: 'abc' } })).toBe(true);
    expect(run('data.codes.all(code, re2(code, "^A"))', { data: { codes: ['A', 'AB'] } })).toBe(true);
    expect(run('data.codes.all(code, code.re2("^A"))', { data: { codes: ['A', 'BA'] } })).toBe(false);
  });

  it('take linear time where a backtracking engine would not return', () => {
    const started = process.hrtime.bigint();
    expect(run('re2(data.text, "^(a+)+$")', { data: { text: `${'a'.repeat(20_000)}!` } })).toBe(false);
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(1_000);
  });

  it('are refused when the pattern is wrong or not written in the expression', () => {
    expect(failure('re2(data.code, "(")')).toMatchObject({ code: 'type', position: { offset: 15, line: 1, column: 16 }, problem: expect.stringContaining('"("') });
    expect(failure('re2(data.code, "(?=a)")').hint).toContain('no look-around');
    expect(failure('re2(data.code, data.pattern)').problem).toContain('must be written as a string');
    expect(failure('re2(data.code)').problem).toContain('a text and a pattern');
    expect(failure('re2(5, "a")')).toMatchObject({ code: 'type' });
    expect(failure('re2(data.code, "a")', { data: { code: 5 } })).toMatchObject({ code: 'value' });
  });

  it('are not available by the built-in name, which backtracks', () => {
    for (const source of ['data.code.matches("a")', '"a".matches("a")', '[1].exists(x, data.code.matches("a"))', 'has(data.x) ? data.code.matches("a") : false']) {
      expect(failure(source)).toMatchObject({ code: 'refused', hint: expect.stringContaining('re2(text, "pattern")') });
    }
  });
});

describe('limits', () => {
  it('bound the source, its nodes, its depth and its loops', () => {
    expect(failure('1 + '.repeat(2_000) + '1')).toMatchObject({ code: 'limit', expected: 'at most 4096 characters' });
    expect(failure('1+'.repeat(600) + '1')).toMatchObject({ code: 'limit' });
    expect(failure('('.repeat(60) + '1' + ')'.repeat(60))).toMatchObject({ code: 'limit' });
    expect(failure('data.a.map(a, data.b.map(b, data.c.map(c, c)))')).toMatchObject({ code: 'limit', problem: 'loops are nested more than 2 deep' });
    expect(failure('[1, 2]', undefined, { nodes: 2 })).toMatchObject({ code: 'limit' });
  });

  it('bound the work of an evaluation', () => {
    const data = { list: Array.from({ length: 1_000 }, (_, index) => index), text: 'a'.repeat(100_000) };
    expect(failure('data.list.map(a, data.list.map(b, a + b))', { data })).toMatchObject({ code: 'limit' });
    expect(failure('data.list.map(a, data.list + data.list)', { data })).toMatchObject({ code: 'limit' });
    expect(failure('data.list.filter(a, a in data.list)', { data })).toMatchObject({ code: 'limit' });
    expect(failure('data.list.all(a, data.text == data.text)', { data })).toMatchObject({ code: 'limit' });
    expect(failure('data.list.map(a, 1)', { data }, { steps: 999 })).toMatchObject({ code: 'limit' });
    expect(failure('data.list.map(a, data.text.split(""))', { data })).toMatchObject({ code: 'limit' });
    expect(compile('size(data.list.map(a, a * 2))', { variables: { data: 'map' } }).evaluate({ data })).toBe(1_000);
  });

  it('hold where an error on one side is swallowed', () => {
    const data = { list: Array.from({ length: 1_000 }, (_, index) => index) };
    expect(failure('data.list.exists(a, data.list.exists(b, a + b < 0)) || true', { data })).toMatchObject({ code: 'limit' });
    expect(failure('data.list.map(a, data.list.map(b, b)).size() > 0 || true', { data })).toMatchObject({ code: 'limit' });
  });

  it('are refilled for each evaluation', () => {
    const expression = compile('data.list.all(a, a > 0)', { variables: { data: 'map' }, limits: { steps: 50 } });
    for (let time = 0; time < 5; time++) expect(expression.evaluate({ data: { list: [1, 2, 3, 4, 5] } })).toBe(true);
  });

  it('leave no way to double a value again and again', () => {
    expect(failure('cel.bind(a, "xx", a + a)')).toMatchObject({ code: 'refused', problem: 'bind() is not available' });
  });
});

describe('loops', () => {
  const run = (source: string, data: unknown): unknown => compile(source, { variables: { data: 'map' } }).evaluate({ data });
  it('can be nested and chained', () => {
    expect(run('data.rows.map(row, row.filter(x, x > 1).map(x, x + 1))', { rows: [[1, 2], [3]] })).toEqual([[3], [4]]);
    expect(run('data.rows.exists_one(row, row == [3])', { rows: [[1, 2], [3]] })).toBe(true);
    expect(run('data.rows.exists(row, has(row.x) && row.x > 1)', { rows: [{}, { x: 2 }] })).toBe(true);
    expect(run('data.rows.map(row, row.x > 1, row.x > 2 ? 1 : 0.5)', { rows: [{ x: 1 }, { x: 2 }, { x: 3 }] })).toEqual([0.5, 1]);
  });
});
