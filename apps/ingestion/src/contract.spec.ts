import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parseInstant } from '@rhei/expressions';
import { readCloudEvent } from './cloud-event';
import { compileContract, judge, type Breach, type Contract } from './contract';
import { sourceSpec } from './source';

const minute = 60_000_000;
const noon = parseInstant('2001-01-01T12:00:00Z');
const aSpec = (event: object = {}, rest: object = {}) => sourceSpec.parse({
  owner: 'ops', ...rest, events: { landed: { key: 'data.flight', schema: { type: 'object', required: ['flight'], properties: { delay: { type: 'number' } } }, expect: [{ rule: 'data.delay < 100.0', hint: 'delay is in minutes' }], ...event } },
});
const contractOf = (spec = aSpec()): Contract => {
  const contract = compileContract('airline', 1, spec);
  if (Array.isArray(contract)) throw new Error(JSON.stringify(contract));
  return contract;
};
const anEvent = (change: object = {}) => readCloudEvent({ specversion: '1.0', source: 'airline', id: 'l1', type: 'landed', time: '2001-01-01T12:00:00Z', data: { flight: 'f1', delay: 3 }, ...change });

describe('holding an event to its contract', () => {
  it('finds key and event time of a sound one', () => {
    expect(judge(contractOf(), anEvent(), noon)).toEqual({ key: 'f1', eventTime: noon, identity: '', revision: 1, withdrawn: false });
  });

  it('lets an event be ahead of its arrival by the skew, and not by a microsecond more', () => {
    const contract = contractOf();
    expect(judge(contract, anEvent({ time: '2001-01-01T12:05:00Z' }), noon)).toMatchObject({ eventTime: noon + 5 * minute });
    expect(judge(contract, anEvent({ time: '2001-01-01T12:05:00.000001Z' }), noon)).toMatchObject({ field: 'time', rule: 'skew', expected: 'at most 5m after its arrival at 2001-01-01T12:00:00Z', got: '2001-01-01T12:05:00.000001Z' });
    expect(judge(contractOf(aSpec({}, { skew: '0s' })), anEvent(), noon)).toMatchObject({ eventTime: noon });
  });

  it('takes an event of long ago', () => {
    expect(judge(contractOf(), anEvent({ time: '1990-01-01T00:00:00Z' }), noon)).toMatchObject({ key: 'f1' });
  });

  it('reads the event time where the contract says', () => {
    const contract = contractOf(aSpec({ time: 'timestamp(data.landed)' }));
    expect(judge(contract, anEvent({ data: { flight: 'f1', delay: 1, landed: '2001-01-01T11:00:00Z' } }), noon)).toMatchObject({ eventTime: noon - 60 * minute });
    expect(judge(contract, anEvent({ data: { flight: 'f1', delay: 1, landed: 'soon' } }), noon)).toMatchObject({ field: 'data.landed', rule: 'time' });
    expect(judge(contract, anEvent({ data: { flight: 'f1', delay: 1, landed: '2002-01-01T11:00:00Z' } }), noon)).toMatchObject({ field: 'data.landed', rule: 'skew' });
  });

  it.each<[string, object, Partial<Breach>]>([
    ['the schema', { data: { flight: 'f1', delay: 'soon' } }, { field: 'data.delay', rule: 'type', expected: 'number', got: '"soon"' }],
    ['no data', { data: undefined }, { field: 'data', rule: 'required' }],
    ['an expectation', { data: { flight: 'f1', delay: 100 } }, { field: 'data.delay', rule: 'data.delay < 100.0', expected: 'true', got: 'false for data.delay = 100', hint: 'delay is in minutes' }],
    ['an expectation about what is missing', { data: { flight: 'f1' } }, { field: 'data.delay', rule: 'data.delay < 100.0', hint: 'delay is in minutes' }],
    ['no time', { time: null }, { field: 'time', rule: 'time' }],
    ['a key that is no text', { data: { flight: 7, delay: 1 } }, { field: 'data.flight', rule: 'key' }],
    ['an empty key', { data: { flight: '', delay: 1 } }, { field: 'data.flight', rule: 'key', got: '""' }],
  ])('names field and rule that were broken: %s', (_what, change, breach) => {
    expect(judge(contractOf(), anEvent(change), noon)).toMatchObject(breach);
  });

  it('tells the publisher in a sentence', () => {
    expect((judge(contractOf(), anEvent({ data: { flight: 'f1', delay: 400 } }), noon) as Breach).message)
      .toBe('Event "l1" of source "airline" breaks the contract of "landed": data.delay (data.delay < 100.0): expected true, got false for data.delay = 400. Delay is in minutes.');
  });

  it('offers id, subject and time to expressions', () => {
    const contract = contractOf(aSpec({ key: 'subject', expect: [{ rule: 'id.startsWith("l") && time > timestamp("2000-01-01T00:00:00Z")' }] }));
    expect(judge(contract, anEvent({ subject: 's1' }), noon)).toMatchObject({ key: 's1' });
    expect(judge(contract, anEvent(), noon)).toMatchObject({ field: 'subject', rule: 'key' });
  });
});

describe('the fact that an event states', () => {
  const facts = { identity: `key + '/' + data.leg`, revision: 'data.n', withdrawn: `has(data.gone) && data.gone` };
  const judged = (data: object, event: object = facts) => judge(contractOf(aSpec({ ...event, expect: [] })), anEvent({ data: { flight: 'f1', ...data } }), noon);

  it('is told by the contract, with its revision and whether it is taken back', () => {
    expect(judged({ leg: 'a', n: 3, gone: true })).toEqual({ key: 'f1', eventTime: noon, identity: 'f1/a', revision: 3, withdrawn: true });
    expect(judged({ leg: 'a', n: 3 })).toMatchObject({ withdrawn: false });
    expect(judged({}, { identity: 'id' })).toMatchObject({ identity: 'l1', revision: 1, withdrawn: false });
  });

  it.each<[string, object, object, Partial<Breach>]>([
    ['an identity that cannot be told', { n: 1 }, facts, { field: 'key', rule: 'identity', expected: 'a text' }],
    ['an empty identity', { leg: '' }, { identity: 'data.leg' }, { field: 'data.leg', rule: 'identity', expected: 'a text of 1 to 256 characters', got: '""' }],
    ['no revision', { leg: 'a' }, facts, { field: 'data.n', rule: 'revision', expected: 'a whole number' }],
    ['half a revision', { leg: 'a', n: 1.5 }, facts, { field: 'data.n', rule: 'revision', expected: 'a whole number from 1 to 2147483647', got: '1.5' }],
    ['revision 0', { leg: 'a', n: 0 }, facts, { field: 'data.n', rule: 'revision', got: '0', hint: 'The first version of a fact is revision 1' }],
    ['a revision that is a text', { leg: 'a', n: '2' }, facts, { field: 'data.n', rule: 'revision', got: '"2"' }],
    ['a withdrawal that is neither true nor false', { leg: 'a', n: 1, gone: 'yes' }, facts, { rule: 'withdrawn', expected: 'true or false' }],
  ])('breaks the contract with %s', (_what, data, event, breach) => {
    expect(judged(data, event)).toMatchObject(breach);
  });
});

describe('compiling a contract', () => {
  it('compiles what tells a fact with the types of the schema', () => {
    const schema = { type: 'object', additionalProperties: false, properties: { flight: { type: 'string' }, n: { type: 'integer' }, text: { type: 'string' } } };
    expect(Array.isArray(compileContract('airline', 1, aSpec({ schema, expect: [], identity: 'data.flight', revision: 'data.n', withdrawn: 'data.n > 5.0' })))).toBe(false);
    const problems = compileContract('airline', 1, aSpec({ schema, expect: [], identity: 'data.flite', revision: 'data.text', withdrawn: 'data.n' }));
    expect(problems).toMatchObject([
      { path: '/events/landed/identity', offset: 5 }, { path: '/events/landed/revision', expected: 'a whole number', got: 'string', offset: 0 }, { path: '/events/landed/withdrawn', expected: 'bool', got: 'double' },
    ]);
  });

  it('asks for a fact before it is revised or withdrawn', () => {
    const wrong = sourceSpec.safeParse({ owner: 'ops', events: { landed: { key: 'id', schema: {}, revision: '1', withdrawn: 'true' } } });
    expect(wrong.error?.issues.map(({ path, message }) => [path.join('/'), message])).toEqual(['revision', 'withdrawn'].map((field) => [`events/landed/${field}`, `"${field}" needs an "identity" beside it: the fact that is revised.`]));
  });

  it('tells all faults with path and offset', () => {
    const spec = aSpec({ key: 'data.', time: 'data.at + 1', schema: { pattern: 'x' }, expect: [{ rule: 'true' }, { rule: 'dta.delay > 0.0' }, { rule: '"text"' }] });
    const problems = compileContract('airline', 1, spec);
    expect(Array.isArray(problems) && problems.map(({ path, offset }) => [path, typeof offset])).toEqual([
      ['/events/landed/schema/pattern', 'undefined'], ['/events/landed/key', 'number'], ['/events/landed/expect/1/rule', 'number'], ['/events/landed/expect/2/rule', 'number'],
    ]);
  });

  it('takes the source of the example', () => {
    const file = parse(readFileSync(join(__dirname, '../../../examples/flights/source.yaml'), 'utf8')) as { spec: unknown };
    expect([...contractOf(sourceSpec.parse(file.spec)).types.keys()]).toEqual(['flight.scheduled', 'flight.landed']);
  });

  it('knows its fields, and no others', () => {
    const wrong = sourceSpec.safeParse({ owner: '', skew: '5 minutes', events: { landed: { key: 'id', schem: {} } }, extra: 1 });
    expect(wrong.error?.issues.map(({ path }) => path.join('/'))).toEqual(expect.arrayContaining(['owner', 'skew', 'events/landed/schema', '']));
    expect(sourceSpec.safeParse({ owner: 'a', events: {} }).success).toBe(false);
  });
});
