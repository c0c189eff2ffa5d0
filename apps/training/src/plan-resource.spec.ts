import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundle, Database, ResourceProblem } from '@rhei/runtime';
import { parseAllDocuments } from 'yaml';
import { planResource } from './plan-resource';
import { planSpec } from './plan-spec';

const example = parseAllDocuments(readFileSync(join(__dirname, '../../../examples/flights/model.yaml'), 'utf8'))
  .map((document) => document.toJS() as { kind: string; spec: Record<string, unknown> }).find(({ kind }) => kind === 'TrainingPlan')!.spec;
const empty = { query: async () => [] } as unknown as Database;
const bundleOf = (...known: string[]): Bundle => ({ find: (kind, name) => (known.includes(`${kind}/${name}`) ? {} : undefined) });
const whole = bundleOf('Model/flight-late', 'FeatureSet/flight-lateness');
const check = (changed: Record<string, unknown>, bundle = whole): Promise<ResourceProblem[]> =>
  planResource.check({ database: empty, wake: () => undefined, stopRun: () => undefined }, { name: 'flight-late', spec: planSpec.parse({ ...example, slices: undefined, ...changed }) }, bundle);

describe('a training plan', () => {
  it('is what the example says, with the defaults filled in', async () => {
    expect(planSpec.parse(example)).toEqual({ ...example, profile: { bucket: '1d', buckets: 42 } });
    expect(await check({})).toEqual([]);
  });

  it('refuses unknown fields, durations that are none, and metrics that it does not know, all at once', () => {
    const { error } = planSpec.safeParse({ ...example, split: { holdout: '0s' }, metric: 'accuracy', look: 'daily', trees: 3 });
    expect(error?.issues.map(({ path, code }) => [path.join('/'), code])).toEqual(expect.arrayContaining([
      ['split/holdout', 'custom'], ['metric', 'invalid_value'], ['look', 'custom'], ['', 'unrecognized_keys'],
    ]));
  });

  it('names every parameter of the engine that is unknown or out of its range', async () => {
    expect(await check({ engine: { trees: 0, depth: 3, learningRate: 0.1 } })).toEqual([
      { path: '/spec/engine/trees', message: expect.stringContaining('trees') }, { path: '/spec/engine/depth', message: expect.stringContaining('depth') },
    ]);
    expect(await check({ engine: { seed: 3 } })).toMatchObject([{ path: '/spec/engine/seed', expected: 'the seed at /spec/seed' }]);
  });

  it('takes early stopping, slices, a group and what leaks it allows, and names every column that its feature set lacks', async () => {
    const set = { request: { origin: 'string', distance: 'double', departure: 'timestamp' }, features: [{ name: 'hour' }] };
    const known: Bundle = { find: (kind) => (kind === 'FeatureSet' ? set : {}) };
    const engine = { trees: 300, earlyStopping: { fold: '7d' } };
    expect(await check({ engine, slices: ['request.origin', 'hour'], split: { holdout: '14d', group: 'request.origin' }, leaks: { allow: [{ column: 'hour', kind: 'power', reason: 'r' }, { column: 'request.departure', kind: 'future', reason: 'r' }] } }, known)).toEqual([]);
    expect(planSpec.parse({ ...example, engine }).engine.earlyStopping).toEqual({ fold: '7d', rounds: 20 });
    expect(await check({
      slices: ['request.town', 'hour', 'hour', 'request.departure'], split: { holdout: '14d', group: 'town' },
      leaks: { allow: [{ column: 'request.origin', kind: 'power', reason: 'r' }, { column: 'hour', kind: 'duplicate', reason: 'r' }] },
    }, known)).toMatchObject([
      { path: '/spec/split/group', got: 'town', expected: 'one of hour, request.origin, request.distance, request.departure' },
      { path: '/spec/slices/0', got: 'request.town', hint: expect.stringContaining('request.<field>') }, { path: '/spec/slices/2', message: '"hour" stands twice' }, { path: '/spec/slices/3', message: '"request.departure" is a timestamp' },
      { path: '/spec/leaks/allow/0/column', expected: 'one of hour' }, { path: '/spec/leaks/allow/1/column', expected: 'one of *' },
    ]);
    for (const earlyStopping of [{ fold: 1.5 }, { fold: 'soon' }, { fold: '7d', rounds: 0 }, { rounds: 3 }]) expect(planSpec.safeParse({ ...example, engine: { earlyStopping } }).success).toBe(false);
    expect(planSpec.safeParse({ ...example, leaks: { allow: [{ column: 'hour', kind: 'odd', reason: '' }] } }).error?.issues.map(({ path }) => path.join('/'))).toEqual(['leaks/allow/0/kind', 'leaks/allow/0/reason']);
  });

  it('shows where its condition is wrong', async () => {
    expect(await check({ when: 'versions == 0 && rows >= 400' })).toMatchObject([{ path: '/spec/when', offset: 17 }]);
    expect(await check({ when: 'labels' })).toMatchObject([{ path: '/spec/when', expected: 'bool', got: 'int' }]);
  });

  it('refers to a model and a feature set of the bundle, or to known ones', async () => {
    expect(await check({}, bundleOf('Model/flight-late'))).toMatchObject([{ path: '/spec/featureSet', got: 'flight-lateness' }]);
    expect(await check({}, bundleOf())).toMatchObject([{ path: '/spec/model' }, { path: '/spec/featureSet' }]);
  });
});
