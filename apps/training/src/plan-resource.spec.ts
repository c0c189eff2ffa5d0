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
  planResource.check({ database: empty, wake: () => undefined, stopRun: () => undefined }, { name: 'flight-late', spec: planSpec.parse({ ...example, ...changed }) }, bundle);

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

  it('shows where its condition is wrong', async () => {
    expect(await check({ when: 'versions == 0 && rows >= 400' })).toMatchObject([{ path: '/spec/when', offset: 17 }]);
    expect(await check({ when: 'labels' })).toMatchObject([{ path: '/spec/when', expected: 'bool', got: 'int' }]);
  });

  it('refers to a model and a feature set of the bundle, or to known ones', async () => {
    expect(await check({}, bundleOf('Model/flight-late'))).toMatchObject([{ path: '/spec/featureSet', got: 'flight-lateness' }]);
    expect(await check({}, bundleOf())).toMatchObject([{ path: '/spec/model' }, { path: '/spec/featureSet' }]);
  });
});
