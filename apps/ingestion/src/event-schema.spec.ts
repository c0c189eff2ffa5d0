import { compileSchema, type EventSchema } from './event-schema';
import { formats } from './formats';

const compiled = (schema: unknown): EventSchema => {
  const result = compileSchema(schema);
  if (Array.isArray(result)) throw new Error(JSON.stringify(result));
  return result;
};
const problems = (schema: unknown) => {
  const result = compileSchema(schema);
  return Array.isArray(result) ? result.map(({ path }) => path) : [];
};

describe('what a schema finds', () => {
  const judge = compiled({
    type: 'object', additionalProperties: false, required: ['delay', 'legs'],
    properties: {
      delay: { type: 'number', minimum: -300 }, kind: { enum: ['a', 'b'] }, at: { type: 'string', format: 'date-time' },
      legs: { type: 'array', minItems: 1, items: { type: 'object', properties: { origin: { type: 'string', minLength: 3 } } } },
    },
  });
  const good = { delay: 1, legs: [{ origin: 'ABC' }] };

  it('passes what is right', () => expect(judge(good)).toBeUndefined());
  it.each<[string, unknown, object]>([
    ['the type', 'text', { field: 'data', rule: 'type', expected: 'object', got: '"text"' }],
    ['a missing field', { legs: [] }, { field: 'data.delay', rule: 'required', expected: 'a value', got: 'nothing' }],
    ['a field too many', { ...good, 'odd one': 7 }, { field: 'data["odd one"]', rule: 'additionalProperties', got: '7' }],
    ['a bound', { ...good, delay: -301 }, { field: 'data.delay', rule: 'minimum', expected: 'at least -300', got: '-301' }],
    ['an unknown member', { ...good, kind: 'c' }, { field: 'data.kind', rule: 'enum', expected: 'one of ["a","b"]', got: '"c"' }],
    ['a format', { ...good, at: '2001-02-30T00:00:00Z' }, { field: 'data.at', rule: 'format', expected: 'a text of the format date-time' }],
    ['what is inside of a list', { ...good, legs: [{ origin: 'ABC' }, { origin: 'A' }] }, { field: 'data.legs[1].origin', rule: 'minLength', expected: 'at least 3 characters', got: '"A"' }],
  ])('names the field, the rule, what was expected and what came: %s', (_what, data, fault) => {
    expect(judge(data)).toMatchObject(fault);
  });

  it('follows references inside of the schema, and draft-07 where it says so', () => {
    const money = { $defs: { money: { type: 'number' } }, properties: { price: { $ref: '#/$defs/money' } } };
    expect(compiled(money)({ price: 'much' })).toMatchObject({ field: 'data.price', rule: 'type' });
    const old = { $schema: 'http://json-schema.org/draft-07/schema#', $id: 'https://example.org/old', items: [{ type: 'string' }], additionalItems: false };
    expect(compiled(old)(['a', 'b'])).toMatchObject({ rule: 'additionalItems' });
  });

  it('looks at own properties only', () => {
    expect(compiled({ required: ['constructor'] })({})).toMatchObject({ field: 'data.constructor', rule: 'required' });
  });
});

describe('what a schema may not do', () => {
  const nest = (levels: number): unknown => (levels === 0 ? {} : { not: nest(levels - 1) });
  const doubling = Object.fromEntries(Array.from({ length: 30 }, (_, level) => [`l${level}`, { allOf: [{ $ref: `#/$defs/l${level + 1}` }, { $ref: `#/$defs/l${level + 1}` }] }]));
  it.each<[string, unknown, string[]]>([
    ['match a regular expression', { properties: { a: { pattern: '(a+)+$' } } }, ['/properties/a/pattern']],
    ['name properties by one', { patternProperties: { '^a': {} } }, ['/patternProperties']],
    ['refer to elsewhere', { $ref: 'https://example.org/schema' }, ['/$ref']],
    ['refer to nothing', { properties: { a: { $ref: '#/$defs/gone' } } }, ['/properties/a/$ref']],
    ['contain itself', { $defs: { tree: { properties: { left: { $ref: '#/$defs/tree' } } } }, $ref: '#/$defs/tree' }, ['/$defs/tree/properties/left/$ref']],
    ['compare with other data', { properties: { a: { maximum: { $data: '1/b' } } } }, ['/properties/a/maximum']],
    ['unfold without bound', { $defs: { ...doubling, l30: { type: 'number' } }, $ref: '#/$defs/l0' }, ['']],
    ['be deeper than 20 levels', nest(21), ['']],
    ['be larger than 64 KiB', { description: 'x'.repeat(65_536) }, ['']],
    ['compare items with one another without bound', { properties: { a: { type: 'array', uniqueItems: true } } }, ['/properties/a/uniqueItems']],
    ['follow another dialect', { $schema: 'http://json-schema.org/draft-04/schema#' }, ['/$schema']],
    ['use an unknown format', { properties: { a: { type: 'string', format: 'telephone' } } }, ['/properties/a/format']],
    ['use an unknown keyword', { requierd: ['a'] }, ['']],
    ['be no schema', { type: 'text' }, ['/type']],
    ['be something else', 'text', ['']],
  ])('refuses to %s', (_what, schema, paths) => {
    expect([...new Set(problems(schema))]).toEqual(paths);
  });

  it('lets fields have the names of keywords', () => {
    expect(problems({ type: 'object', properties: { pattern: { type: 'string' }, $ref: { const: { pattern: 1, $data: 2 } } }, required: ['pattern'] })).toEqual([]);
  });

  it('tells all faults at once', () => {
    expect(problems({ pattern: 'a', properties: { 'a/b': { pattern: 'b' } } })).toEqual(['/pattern', '/properties/a~1b/pattern']);
  });
});

describe('formats', () => {
  it.each([
    ['date-time', '2001-01-02T03:04:05.5+02:00', '2001-01-02 03:04:05Z'], ['date', '2004-02-29', '2001-02-29'], ['time', '23:59:59Z', '24:00:00Z'],
    ['uuid', '0f8fad5b-d9cb-469f-a165-70867728950e', '0f8fad5bd9cb469fa16570867728950e'], ['email', 'ann@example.org', 'ann@example'],
    ['ipv4', '192.168.0.1', '192.168.0.256'], ['uri', 'https://example.org/a?b#c', 'no uri'],
  ])('%s', (name, good, bad) => {
    expect([formats[name](good), formats[name](bad), formats[name]('')]).toEqual([true, false, false]);
  });

  it('takes time linear in the text', () => {
    const started = process.cpuUsage();
    for (const check of Object.values(formats)) for (const piece of ['a', '1', 'a.', '-', ':']) check(piece.repeat(100_000));
    const { user } = process.cpuUsage(started);
    expect(user).toBeLessThan(500_000);
  });
});
