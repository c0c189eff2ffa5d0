import { compile, type CompileOptions } from './expression';
import { ExpressionError } from './expression-error';
import { DAY, HOUR, parseInstant } from './time';

const at = parseInstant('2001-03-04T05:06:07.123456Z');

const compute = (source: string, values: Record<string, unknown> = {}, options: Partial<CompileOptions> = {}): unknown =>
  compile(source, { variables: Object.fromEntries(Object.keys(values).map((name) => [name, 'dyn' as const])), ...options }).evaluate(values);

const failure = (run: () => unknown): ExpressionError => {
  try {
    run();
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};
const refusal = (source: string, options: CompileOptions = { variables: {} }): ExpressionError => failure(() => compile(source, options));

describe('JSON in, JSON out', () => {
  const row = { delay: 20, distance: 100.5, origin: 'ABE', destination: 'ATL', nothing: null, tags: ['a', 'b'], legs: [{ miles: 3 }, { miles: 4 }] };

  it.each([
    ['row.delay > 15', true], ['row.delay + 12', 32], ['12 + row.delay', 32], ['row.delay / 8', 2.5], ['8 * row.delay - 1', 159], ['row.delay == 20', true],
    ['row.delay != 20.0', false], ['row.delay in [1, 20]', true], ['row.delay > 15 ? "late" : "fine"', 'late'], ['row.origin + "-" + row.destination', 'ABE-ATL'],
    ['row.origin + ":" + string(row.delay)', 'ABE:20'], ['"a" in row.tags', true], ['"delay" in row', true], ['has(row.delay) && !has(row.other)', true],
    ['row.nothing == null', true], ['row.tags[0]', 'a'], ['row["origin"]', 'ABE'], ['size(row.tags)', 2], ['row.tags', ['a', 'b']], ['row.legs[1].miles', 4],
    ['row.legs.map(leg, leg.miles * 2)', [6, 8]], ['row.legs.all(leg, leg.miles > 2)', true], ['row.legs.filter(leg, leg.miles > 3)', [{ miles: 4 }]],
    ['{"d": row.delay, "n": 1, "t": "x"}', { d: 20, n: 1, t: 'x' }], ['[1, 2.5, "x"]', [1, 2.5, 'x']], ['null', null], ['-row.delay', -20], ['7 / 2', 3], ['7 % 2', 1],
    ['has(row.other) ? row.other : 0', 0], ['math.abs(row.delay - 30)', 10], ['math.floor(row.distance) + 1', 101], ['math.round(-2.5)', -3], ['math.greatest(row.delay, 3)', 20],
    ['math.least(2, 3)', 2], ['math.ceil(0.2) + math.sqrt(9)', 4], ['int(row.delay) % 7', 6], ['row.origin.startsWith("A") || row.undefined', true],
  ])('%s gives %j', (source, result) => expect(compute(source, { row })).toEqual(result));

  it('keeps whole numbers whole where they are declared so', () => {
    const variables = { index: 'int', share: 'double' } as const;
    const values = { index: 7, share: 0.5 };
    const run = (source: string): unknown => compile(source, { variables }).evaluate(values);
    expect([run('index / 2'), run('index % 2'), run('"row-" + string(index)'), run('index + share'), run('index * 2 > share'), run('index == 7.0'), run('index in [7.0]'), run('share in [1, 2]'), run('share == 1')])
      .toEqual([3, 1, 'row-7', 7.5, true, true, true, false, false]);
  });

  it('refuses an int that a number cannot hold, and a result that is not finite', () => {
    expect(failure(() => compute('9007199254740991 + 1')).got).toBe('9007199254740992');
    expect(failure(() => compute('1.0 / 0.0', {}, { returns: 'double' }))).toMatchObject({ code: 'value', expected: 'a finite number', got: 'Infinity' });
  });
});

describe('time', () => {
  const variables = { event: { at: 'timestamp', took: 'duration' }, asOf: 'timestamp' } as const;
  const run = (source: string): unknown => compile(source, { variables }).evaluate({ event: { at, took: 90 * 60_000_000 }, asOf: at + 1 });

  it('is read in UTC, whatever the time zone of the host', () => {
    const before = process.env.TZ;
    process.env.TZ = 'Pacific/Auckland';
    try {
      expect(['getFullYear', 'getMonth', 'getDate', 'getDayOfMonth', 'getDayOfWeek', 'getDayOfYear', 'getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'].map((name) => run(`event.at.${name}()`)))
        .toEqual([2001, 2, 4, 3, 0, 62, 5, 6, 7, 123]);
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });

  it('has microseconds, in and out', () => {
    expect(run('event.at < asOf')).toBe(true);
    expect(run('asOf - event.at')).toBe(1);
    expect(run('event.at + duration("1h30m")')).toBe(at + 1.5 * HOUR);
    expect(run('event.at - duration("14d")')).toBe(at - 14 * DAY);
    expect(run('event.at == asOf - duration("1us")')).toBe(true);
    expect(run('event.took')).toBe(1.5 * HOUR);
    expect(run('event.took > duration("1h") && event.took.getMinutes() == 90')).toBe(true);
    expect(run('{"t": event.at}')).toEqual({ t: at });
  });

  it('is read from text and written as text', () => {
    expect(run('timestamp("2001-03-04T05:06:07.123456Z") == event.at')).toBe(true);
    expect(run('string(event.at)')).toBe('2001-03-04T05:06:07.123456Z');
    expect(run('string(event.took)')).toBe('90m');
    expect(run('timestamp(60)')).toBe(60_000_000);
    expect(run('duration("-1.5h")')).toBe(-1.5 * HOUR);
    expect(compute('timestamp(data.at)', { data: { at: '2001-03-04T05:06:07Z' } })).toBe(at - 123_456);
    expect(compute('timestamp(data.at)', { data: { at: 1.5 } })).toBe(1_500_000);
  });

  it('says which text it cannot read', () => {
    expect(failure(() => run('timestamp("2001-02-30T00:00:00Z")')).message).toMatch(/day 30 in a month of 28 days/);
    expect(failure(() => run('duration("a while")')).message).toMatch(/"a while".*cannot be read/);
  });

  it('refuses a time zone, since its rules differ between hosts', () => {
    expect(refusal('event.at.getHours("Europe/Berlin")', { variables })).toMatchObject({ code: 'type', hint: expect.stringContaining('UTC') });
  });
});

describe('what is wrong with an expression', () => {
  const variables = { data: { delay: 'double', origin: 'string', at: 'timestamp', place: { city: 'string' } }, request: 'map', index: 'int' } as const;
  it.each([
    ['data.delay > "15"', 'type', 1, 1, { got: 'double > string' }],
    ['data.delay >', 'syntax', 1, 13, {}],
    ['', 'syntax', 1, 1, {}],
    ['data.delay = 1', 'syntax', 1, 12, { hint: 'Equality is ==.' }],
    ['true &&\n  dta.delay > 15', 'unknown', 2, 3, { expected: 'one of data, request, index' }],
    ['data.delya > 15', 'unknown', 1, 6, { problem: 'there is no field "delya"', expected: 'one of delay, origin, at, place' }],
    ['data.place.town', 'unknown', 1, 12, { expected: 'one of city' }],
    ['data.origin + index', 'type', 1, 1, { hint: 'Turn the other side into a text with string(…).' }],
    ['data.delay ? 1 : 2', 'type', 1, 6, { expected: 'bool', got: 'double' }],
    ['data.delay || true', 'type', 1, 1, { expected: 'bool', got: 'double' }],
    ['data.delay % 2', 'type', 1, 1, { hint: expect.stringContaining('int(') }],
    ['data.at - 5', 'type', 1, 1, { hint: expect.stringContaining('duration("6h")') }],
    ['data.at.hour()', 'type', 1, 1, { hint: expect.stringContaining('getHours()') }],
    ['data.delay == null', 'type', 1, 1, { hint: expect.stringContaining('has(') }],
    ['timestamp(true)', 'type', 1, 1, { problem: expect.stringContaining("'timestamp(bool)'") }],
    ['has(data)', 'type', 1, 5, {}],
    ['has(1)', 'type', 1, 5, {}],
    ['type() == double ? 1 : 2', 'type', 1, 1, {}],
  ] as const)('%j: %s at %i:%i', (source, code, line, column, rest) => {
    const error = refusal(source, { variables });
    expect(error).toMatchObject({ code, source, ...rest });
    expect([error.position?.line, error.position?.column]).toEqual([line, column]);
  });

  it('is said in one sentence', () => {
    expect(refusal('data.delya > 15', { variables }).message)
      .toBe('Expression "data.delya > 15" at 1:6: there is no field "delya"; expected one of delay, origin, at, place.');
  });

  it('is also a result of the wrong type, and both types are named', () => {
    expect(refusal('data.delay', { variables, returns: 'bool' })).toMatchObject({ code: 'type', expected: 'bool', got: 'double', position: { offset: 0, line: 1, column: 1 } });
    expect(refusal('data', { variables, returns: 'bool' }).got).toBe('map');
    expect(refusal('null', { variables, returns: 'double' }).got).toBe('null');
    expect(compile('index', { variables, returns: 'double' }).type).toBe('int');
    expect(compile('null', { variables, returns: 'double', nullable: true }).evaluate({})).toBeNull();
  });

  it('refuses a variable whose name or type cannot be', () => {
    expect(() => compile('1', { variables: { 'a-b': 'int' } })).toThrow('"a-b" cannot be declared');
    expect(() => compile('1', { variables: { math: 'int' } })).toThrow('"math" cannot be declared');
    expect(() => compile('1', { variables: { x: 'float' as 'int' } })).toThrow('"x" is declared as "float"; expected bool, int');
    expect(() => compile('1', { variables: { x: { y: 'list<float>' as 'list' } } })).toThrow('"x.y" is declared as "list<float>"');
  });
});

describe('a list of records', () => {
  const variables = { slices: [{ field: 'string', rows: 'int', gap: { low: 'double' } }] } as const;
  const all = (slices: unknown): unknown => compile('slices.all(s, s.rows < 200 || !has(s.gap) || s.gap.low <= 0.05)', { variables, returns: 'bool' }).evaluate({ slices });

  it('is read item by item, and what is null in an item is absent', () => {
    expect(all([{ rows: 100 }, { rows: 300, gap: null }, { rows: 300, gap: { low: 0.01 } }])).toBe(true);
    expect(all([{ rows: 300, gap: { low: 0.1 } }])).toBe(false);
    const rows = compile('slices.all(s, s.rows < 200)', { variables, returns: 'bool' });
    expect(failure(() => rows.evaluate({ slices: [{ rows: 1.5 }] }))).toMatchObject({ code: 'value', problem: 'slices item.rows has the wrong type' });
    expect(failure(() => rows.evaluate({ slices: [null] }))).toMatchObject({ code: 'value', expected: 'an object' });
    expect(failure(() => rows.evaluate({ slices: [{}] }))).toMatchObject({ code: 'missing', problem: 'there is no value for "rows"' });
  });

  it('has checked fields: one that is not declared is named with its place', () => {
    expect(refusal('slices.all(s, s.row < 200)', { variables })).toMatchObject({ code: 'unknown', problem: 'there is no field "row"', expected: 'one of field, rows, gap', position: { offset: 16 } });
    expect(refusal('slices.exists(s, s.gap.high > 0.1)', { variables })).toMatchObject({ problem: 'there is no field "high"', expected: 'one of low' });
    expect(refusal('slices.all(s, s.field > 1)', { variables })).toMatchObject({ code: 'type' });
  });
});

describe('what is wrong with the values', () => {
  const options = { variables: { data: { delay: 'double', n: 'int', at: 'timestamp', days: 'list<timestamp>', any: 'dyn' } } } as const;
  const run = (source: string, data: unknown): unknown => compile(source, options).evaluate({ data });

  it('names the field, what was expected and what came', () => {
    expect(failure(() => run('data.delay > 15', { delay: '20' }))).toMatchObject({ code: 'value', problem: 'data.delay has the wrong type', expected: 'double', got: 'string' });
    expect(failure(() => run('data.n > 15', { n: 1.5 }))).toMatchObject({ expected: 'int (a whole number)', got: 'double' });
    expect(failure(() => run('data.at', { at: 1.5 }))).toMatchObject({ expected: 'timestamp in whole microseconds', got: 'double' });
    expect(failure(() => run('data.days[0]', { days: [1, null] }))).toMatchObject({ problem: 'data.days has the wrong type', expected: 'timestamp', got: 'null' });
    expect(failure(() => run('data.delay', [1]))).toMatchObject({ problem: 'data has the wrong type', expected: 'an object', got: 'list' });
  });

  it('treats a declared field that is null as absent, and keeps null where anything may be', () => {
    expect(failure(() => run('data.delay > 15', { delay: null }))).toMatchObject({ code: 'missing', problem: 'there is no value for "delay"', position: { offset: 5, line: 1, column: 6 } });
    expect(run('has(data.delay)', { delay: null })).toBe(false);
    expect(run('has(data.delay) ? data.delay : 0', {})).toBe(0);
    expect(run('data.any == null', { any: null })).toBe(true);
    expect(failure(() => compute('data.x > 1', { data: { x: null } }))).toMatchObject({ code: 'value', hint: expect.stringContaining('null') });
    expect(failure(() => compute('data.x > 1', { data: {} }))).toMatchObject({ code: 'missing' });
  });

  it('asks for the variables that it reads, and for no others', () => {
    const expression = compile('a > 1.0', { variables: { a: 'double', b: 'double' } });
    expect(expression.evaluate({ a: 2 })).toBe(true);
    expect(failure(() => expression.evaluate({ b: 2 }))).toMatchObject({ code: 'missing', problem: 'variable "a" has no value' });
    expect(failure(() => expression.evaluate(Object.create({ a: 2 })))).toMatchObject({ code: 'missing' });
  });

  it('checks the result where the type was not known before', () => {
    const late = compile('data.late', { variables: { data: 'map' }, returns: 'bool' });
    expect(late.type).toBe('dyn');
    expect(late.evaluate({ data: { late: true } })).toBe(true);
    expect(failure(() => late.evaluate({ data: { late: 1 } }))).toMatchObject({ code: 'value', problem: 'the result has the wrong type', expected: 'bool', got: 'double' });
    expect(failure(() => late.evaluate({ data: { late: null } }))).toMatchObject({ got: 'null' });
    expect(compute('data.n', { data: { n: 3 } }, { returns: 'int' })).toBe(3);
    expect(failure(() => compute('data.n', { data: { n: 3.5 } }, { returns: 'int' }))).toMatchObject({ expected: 'int', got: 'double' });
  });

  it('cannot reach what the object inherits', () => {
    expect(failure(() => compute('data.constructor', { data: {} })).code).toBe('missing');
    expect(failure(() => compute('data["__proto__"]', { data: {} })).code).toBe('missing');
    expect(failure(() => run('data.delay', Object.create({ delay: 20 }))).code).toBe('missing');
    expect(failure(() => run('data.any.toString', { any: {} })).code).toBe('missing');
  });
});

describe('the paths that an expression reads', () => {
  const variables = { data: 'map', request: { origin: 'string', at: 'timestamp' }, index: 'int' } as const;
  it.each([
    ['data.delay > 15 && request.origin == "ABE"', ['data.delay', 'request.origin']],
    ['data["delay"] + index', ['data.delay', 'index']],
    ['data.legs[0].miles > data.legs[index].miles', ['data.legs', 'index']],
    ['has(data.a.b) ? data.c : request.at.getHours()', ['data.a.b', 'data.c', 'request.at']],
    ['data.legs.exists(index, index.miles > data.least)', ['data.legs', 'data.least']],
    ['data.legs.map(leg, data.rows.filter(row, row == leg))', ['data.legs', 'data.rows']],
    ['re2(data.code, "^A") && timestamp(data.at) < request.at', ['data.code', 'data.at', 'request.at']],
    ['data', ['data']], ['1 + 2', []], ['{"a": data.x, "b": [data.y, -index]}', ['data.x', 'data.y', 'index']],
  ])('%s', (source, paths) => expect(compile(source, { variables }).references).toEqual(paths));
});
