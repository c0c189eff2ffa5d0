import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundle } from '@rhei/runtime';
import { parseAllDocuments } from 'yaml';
import { aggregateOf, ttlAt, digitsOf, expired, featureViewSpec, type FeatureViewSpec } from '../view/feature-view';
import { viewProblems } from '../view/feature-view.resource';
import { compileSet, featureSetSpec, type FeatureSetSpec } from './feature-set';
import { setProblems } from './feature-set.resource';
import { exampleOf, fromRequest, readRequest } from './request';

interface Resource { kind: string; metadata: { name: string }; spec: Record<string, unknown> }
const example = ['source.yaml', 'features.yaml'].flatMap((file) => parseAllDocuments(readFileSync(join(__dirname, '../../../../examples/flights', file), 'utf8')).map((document) => document.toJS() as Resource));
const bundle: Bundle = { find: (kind, name) => example.find((resource) => resource.kind === kind && resource.metadata.name === name)?.spec };
const nothing: Bundle = { find: () => undefined };
const known = { sources: new Map(), views: new Map() };

const aView = (changes: Partial<Record<keyof FeatureViewSpec, unknown>> = {}): FeatureViewSpec =>
  featureViewSpec.parse({ entity: 'airport', source: 'airline', event: 'flight.landed', key: 'data.origin', value: 'data.delay', window: { avg: '14d' }, ...changes });
const setOfExample = example.find(({ kind }) => kind === 'FeatureSet')!.spec;
const aSet = (changes: Record<string, unknown> = {}): FeatureSetSpec => featureSetSpec.parse({ ...structuredClone(setOfExample), ...changes });

describe('the views and the set of the example', () => {
  it('are taken as they stand', () => {
    for (const { kind, spec } of example) {
      if (kind === 'FeatureView') expect(viewProblems(featureViewSpec.parse(spec), known, bundle)).toEqual([]);
      if (kind === 'FeatureSet') expect(setProblems(featureSetSpec.parse(spec), known, bundle)).toEqual([]);
    }
  });
});

describe('a view', () => {
  it('has exactly one window', () => {
    expect(featureViewSpec.safeParse({ ...aView(), window: {} }).success).toBe(false);
    expect(featureViewSpec.safeParse({ ...aView(), window: { avg: '1d', sum: '1d' } }).success).toBe(false);
    expect(featureViewSpec.safeParse({ ...aView(), window: { avg: '0s' } }).success).toBe(false);
    expect(featureViewSpec.safeParse({ ...aView(), window: { avg: '1 day' } }).success).toBe(false);
  });

  it('takes every aggregate over a duration or since ever', () => {
    for (const aggregate of ['count', 'sum', 'avg', 'min', 'max', 'last', 'stddev', 'ratio', 'distinct']) {
      for (const length of ['14d', 'ever']) expect(featureViewSpec.safeParse({ ...aView(), window: { [aggregate]: length } }).success).toBe(true);
    }
    expect(featureViewSpec.safeParse({ ...aView(), window: { avg: 'never' } }).success).toBe(false);
    expect(aggregateOf(aView({ window: { sum: 'ever' } }))).toEqual({ aggregate: 'sum', length: undefined, hop: undefined });
  });

  it('hops by no more than its length, and not where nothing moves', () => {
    const issues = (window: Record<string, string>): unknown => featureViewSpec.safeParse({ ...aView(), window }).error?.issues.map(({ path, message }) => [path.join('/'), message]);
    expect(issues({ avg: '14d', hop: '1d' })).toBeUndefined();
    expect(issues({ avg: '1d', hop: '1d' })).toBeUndefined();
    expect(issues({ avg: '1d', hop: '2d' })).toEqual([['window/hop', 'a hop no longer than the window, 1d']]);
    expect(issues({ avg: 'ever', hop: '2d' })).toEqual([['window/hop', 'a window since ever does not move']]);
    expect(issues({ last: '3d', hop: '1d' })).toEqual([['window/hop', 'the last value has no window that could hop']]);
  });

  it('divides only as a ratio, and tells only what is distinct by texts', () => {
    expect(viewProblems(aView({ window: { ratio: '1d' } }), known, bundle)).toMatchObject([{ path: '/spec/per', message: 'ratio needs what it divides by', got: 'nothing' }]);
    expect(viewProblems(aView({ window: { ratio: '1d' }, per: 'data.origin' }), known, bundle)).toMatchObject([{ path: '/spec/per', expected: 'a number, true or false', got: 'string' }]);
    expect(viewProblems(aView({ window: { ratio: '1d' }, per: '1.0' }), known, bundle)).toEqual([]);
    expect(viewProblems(aView({ per: '1.0' }), known, bundle)).toMatchObject([{ path: '/spec/per', message: 'avg divides by nothing', got: '1.0' }]);
    expect(viewProblems(aView({ window: { distinct: '1d' }, value: 'data.destination' }), known, bundle)).toEqual([]);
    expect(viewProblems(aView({ window: { max: '1d' }, value: 'data.destination' }), known, bundle)).toMatchObject([{ path: '/spec/value', got: 'string' }]);
    expect(viewProblems(aView({ window: { distinct: '1d' }, value: '[data.delay]' }), known, bundle)).toMatchObject([{ path: '/spec/value', expected: 'a text, a number, true or false' }]);
  });

  it('has no other fields', () => {
    expect(featureViewSpec.safeParse({ ...aView(), tll: '1d' }).error?.issues[0].message).toContain('tll');
  });

  it('has a grid that is a power of ten', () => {
    expect([1e-6, 0.001, 1, 100, 1e-12].map(digitsOf)).toEqual([6, 3, 0, -2, 12]);
    expect(featureViewSpec.safeParse({ ...aView(), grid: 0.5 }).success).toBe(false);
  });

  it('names a source and an event that exist', () => {
    expect(viewProblems(aView({ source: 'airlines' }), known, bundle)).toMatchObject([{ path: '/spec/source', got: 'airlines' }]);
    expect(viewProblems(aView({ event: 'flight.lost' }), known, bundle)).toMatchObject([{ path: '/spec/event', expected: 'one of flight.scheduled, flight.landed' }]);
    expect(viewProblems(aView(), known, nothing)).toMatchObject([{ path: '/spec/source' }]);
    expect(viewProblems(aView(), { sources: new Map([['airline', bundle.find('Source', 'airline')!]]) }, nothing)).toEqual([]);
  });

  it('is shown where each of its expressions is wrong, all at once', () => {
    expect(viewProblems(aView({ filter: 'data.delay >', key: 'data.orign', value: 'data.destination' }), known, bundle)).toMatchObject([
      { path: '/spec/filter', offset: 12 }, { path: '/spec/key', offset: 5, message: 'there is no field "orign"' }, { path: '/spec/value', expected: 'a number, true or false', got: 'string' },
    ]);
  });

  it('counts without a value, and computes with one', () => {
    expect(viewProblems(aView({ window: { count: '1d' } }), known, bundle)).toMatchObject([{ path: '/spec/value', message: 'a count takes no value' }]);
    expect(viewProblems(aView({ window: { count: '1d' }, value: undefined }), known, bundle)).toEqual([]);
    expect(viewProblems(aView({ value: undefined }), known, bundle)).toMatchObject([{ path: '/spec/value', message: 'avg needs a value' }]);
    expect(viewProblems(aView({ value: 'data.delay > 15.0' }), known, bundle)).toEqual([]);
  });
});

describe('a feature set', () => {
  it('names views that exist, and features whose columns differ', () => {
    expect(setProblems(aSet({ features: [{ name: 'a', view: 'nowhere', entity: 'request.origin' }, { name: 'A', value: 'request.distance' }] }), known, bundle)).toMatchObject([
      { path: '/spec/features/1/name', got: 'A' }, { path: '/spec/features/0/view', got: 'nowhere' },
    ]);
  });

  it('reads only request fields, by their types', () => {
    expect(setProblems(aSet({ features: [{ name: 'a', value: 'request.delay' }, { name: 'b', value: 'request.origin' }, { name: 'c', view: 'route-late-14d', entity: 'request.distance' }] }), known, bundle)).toMatchObject([
      { path: '/spec/features/0/value', offset: 8 }, { path: '/spec/features/1/value', got: 'string' }, { path: '/spec/features/2/entity', expected: 'string', got: 'double' },
    ]);
  });

  it('asks only for fields that the example’s event holds', () => {
    expect(setProblems(aSet({ request: { ...aSet().request, gate: 'string' } }), known, bundle)).toMatchObject([{ path: '/spec/request/gate', message: 'the example\'s event "flight.scheduled" has no field "gate"' }]);
  });

  it('has a label that compiles', () => {
    expect(setProblems(aSet({ label: { ...aSet().label, event: 'flight.gone' } }), known, bundle)).toMatchObject([{ path: '/spec/label/event' }]);
    expect(setProblems(aSet({ label: { ...aSet().label, value: 'data.delay > "15"' } }), known, bundle)).toMatchObject([{ path: '/spec/label/value', offset: expect.any(Number) as number }]);
  });
});

describe('a request', () => {
  const set = compileSet('flight-lateness', 1, aSet({ example: { ...aSet().example, time: 'request.departure' } }));
  const fields = { flight: 'f1', origin: 'ABQ', destination: 'SEA', distance: 1180, departure: '2001-03-04T05:06:07Z' };

  it('gives features, the example’s id and its time', () => {
    const request = readRequest(set, { ...fields, other: null });
    expect(set.features.map((feature) => fromRequest(set, feature, request))).toEqual([5, 0, 1180, 'ABQ', 'SEA', 'ABQ-SEA', 'all', 'all']);
    expect(exampleOf(set, fields, request)).toEqual({ example: 'f1', exampleTime: Date.UTC(2001, 2, 4, 5, 6, 7) * 1000 });
  });

  it.each([
    ['distance', undefined, 'number', 'nothing'], ['distance', '12', 'number', '"12"'], ['origin', 7, 'string', '7'], ['flight', null, 'string', 'null'],
    ['departure', '2001-03-04', 'RFC 3339 timestamp, such as "2001-03-04T05:06:07Z"', '"2001-03-04"'],
  ])('with %s = %p is refused with what was expected', (field, value, expected, got) => {
    const read = (): unknown => readRequest(set, { ...fields, [field]: value });
    expect(read).toThrow(expect.objectContaining({ code: 'invalid', details: { field: `request.${field}`, expected, got } }) as Error);
  });
});

describe('a TTL', () => {
  const ttl = (text?: string): number | undefined => (text === undefined ? undefined : 10);
  it.each([[9, '10us', false], [10, '10us', false], [11, '10us', true], [Number.MAX_SAFE_INTEGER, undefined, false]])('at age %p and a TTL of %p expires: %p', (age, text, verdict) => {
    expect(expired(age, ttl(text))).toBe(verdict);
  });

  it('counts from when it was applied, and the first for all time before', () => {
    const ttls = [{ from: 100, ttl: 5 }, { from: 200, ttl: undefined }, { from: 300, ttl: 7 }];
    expect([0, 100, 199, 200, 299, 300].map((at) => ttlAt(ttls, at))).toEqual([5, 5, 5, undefined, undefined, 7]);
  });
});
