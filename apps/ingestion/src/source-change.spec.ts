import { sourceSpec } from './source';
import { notesOf } from './source-change';

const properties = { flight: { type: 'string' }, delay: { type: 'integer', minimum: 0 }, gate: { enum: ['A', 'B'] } };
const base = { key: 'data.flight', schema: { type: 'object', required: ['flight', 'delay'], properties }, expect: [{ rule: 'data.delay < 100.0' }] };
const spec = (event: object = {}, rest: object = {}) => sourceSpec.parse({ owner: 'ops', events: { landed: { ...base, ...event } }, ...rest });
const schema = (change: object, required = ['flight', 'delay'], more: object = {}) => ({ schema: { type: 'object', required, properties: { ...properties, ...change }, ...more } });
const without = (name: keyof typeof properties, more: object = {}) => ({ schema: { type: 'object', required: ['flight'], properties: { ...Object.fromEntries(Object.entries(properties).filter(([one]) => one !== name)), ...more } } });
const notes = (event: object, rest: object = {}) => notesOf(spec(), spec(event, rest));

describe('what a new version of a contract means', () => {
  it.each<[string, object, string]>([
    ['an optional property', schema({ note: { type: 'string' } }), 'data.note: it is new and optional'],
    ['a wider range', schema({ delay: { type: 'integer', minimum: -300 } }), 'data.delay: minimum 0 becomes -300'],
    ['no range', schema({ delay: { type: 'integer' } }), 'data.delay: minimum 0 is dropped'],
    ['a dropped expectation', { expect: [] }, 'expect: data.delay < 100.0 is dropped'],
    ['an identity for what comes', { identity: 'data.flight' }, 'identity: nothing becomes data.flight, for what is sent from now on'],
  ])('is compatible with %s', (_what, event, line) => {
    expect(notes(event)).toEqual([`compatible: landed: ${line}`]);
  });

  it.each<[string, object, string]>([
    ['a wider type', schema({ delay: { type: 'number', minimum: 0 } }), 'data.delay: its type is wider from integer to number'],
    ['a type that may be null', schema({ flight: { type: ['string', 'null'] } }), 'data.flight: its type is wider from string to string or null'],
    ['a longer enumeration', schema({ gate: { enum: ['A', 'B', 'C'] } }), 'data.gate: "C" may stand there too'],
    ['a dropped requirement', schema({}, ['flight']), 'data.delay: it may be left out now'],
  ])('is compatible with %s only for readers that ask first', (_what, event, line) => {
    expect(notes(event)).toEqual([`compatible for readers that ask first: landed: ${line}`]);
  });

  it.each<[string, object, string]>([
    ['a property that is gone', without('gate'), 'data.gate: it is gone'],
    ['another type', schema({ gate: { type: 'number' }, delay: { type: 'string', minimum: 0 } }), 'data.delay: its type changes from integer to string'],
    ['another key', { key: 'id' }, 'key: data.flight becomes id'],
    ['another event time', { time: 'timestamp(data.at)' }, 'time: nothing becomes timestamp(data.at)'],
  ])('breaks readers with %s, and says when it passes', (_what, event, line) => {
    const all = notes(event);
    expect(all).toContain(`breaking for readers: landed: ${line}`);
    expect(all).toContain('passes where no service that was asked reads what changes for readers');
  });

  it('sees a renamed property for what it may be', () => {
    expect(notes(without('gate', { door: { enum: ['A', 'B'] } }))[0]).toBe('breaking for readers: landed: data.gate: it is gone; data.door is new and looks the same');
  });

  it.each<[string, object, string]>([
    ['a new requirement', schema({ note: {} }, ['flight', 'delay', 'note']), 'data.note: it is new and required'],
    ['a property that becomes required', schema({}, ['flight', 'delay', 'gate']), 'data.gate: it becomes required'],
    ['a narrower range', schema({ delay: { type: 'integer', minimum: 5 } }), 'data.delay: minimum 0 becomes 5'],
    ['a shorter enumeration', schema({ gate: { enum: ['A'] } }), 'data.gate: "B" may not stand there any more'],
    ['a closed object', schema({}, undefined, { additionalProperties: false }), 'data: no other fields may stand there any more'],
    ['a keyword that cannot be compared', schema({ flight: { type: 'string', format: 'uuid' } }), 'data.flight: "format" is new'],
    ['an expectation', { expect: [...base.expect, { rule: 'data.delay > 1.0' }] }, 'expect: data.delay > 1.0 is new'],
  ])('breaks publishers with %s', (_what, event, line) => {
    expect(notes(event)).toEqual([`breaking for publishers: landed: ${line}`]);
  });

  it('compares events, skew, what is nested and what is referred to', () => {
    const other = { key: 'id', schema: {} };
    expect(notesOf(spec({}, { events: { landed: base, other } }), spec())[0]).toBe('breaking for readers: other: the event: it is gone');
    expect(notesOf(spec(), spec({}, { events: { landed: base, other } }))).toEqual(['compatible: other: the event: it is new']);
    expect(notes({}, { skew: '1m' })).toEqual(['breaking for publishers: every event: skew: 5m becomes 1m']);
    const legs = (type: string) => ({ schema: { type: 'object', $defs: { leg: { type: 'object', properties: { from: { type } } } }, properties: { legs: { type: 'array', items: { $ref: '#/$defs/leg' } } } } });
    expect(notesOf(spec(legs('string')), spec(legs('number')))[0]).toBe('breaking for readers: landed: data.legs[].from: its type changes from string to number');
  });

  it('has nothing to say of what is the same, or said in other words', () => {
    expect(notes({}, { owner: 'others' })).toEqual([]);
    expect(notes({ schema: { ...base.schema, title: 'Landed', properties: { gate: properties.gate, flight: properties.flight, delay: properties.delay } } })).toEqual([]);
  });
});
