import { status } from '@grpc/grpc-js';
import { feature, unavailable } from '@rhei/contracts';
import type { Call, Principal } from '@rhei/runtime';
import { aDeployment, aDivision, aPlan, aVersion } from '../../spec/builders';
import type { Deployment } from '../deployment/deployment.store';
import { Fallbacks } from './fallbacks';
import { Admission } from './admission';
import { Catalogue } from '../deployment/catalogue';
import type { Deps } from '../deps';
import type { LedgerRow } from './ledger.store';
import type { ModelSession } from '../traffic/model-session';
import { VectorLookups } from './vector-lookups';
import { predict, type PredictCommand } from './predict';
import type { Tensor } from './tensors';
import type { Plan, Version } from '../traffic/plan';
import { Traffic } from '../traffic/traffic';

const shop = (...shops: string[]): Tensor[] => [{ name: 'shop', datatype: 'BYTES', shape: [shops.length], data: shops }];
const raw = (...row: number[]): Tensor[] => [{ name: 'features', datatype: 'FP32', shape: [1, row.length], data: row }];
const command = (over: Partial<PredictCommand> = {}): PredictCommand => ({ deployment: 'orders', version: '', id: '', tensors: shop('a'), ...over });
const by = (...roles: Principal['roles']): Call => ({ principal: { name: 'p', kind: 'service', roles }, remaining: () => 1_000, signal: new AbortController().signal, traceparent: '' });

/** A replica with a model over `x` and `y`, whose score is x - y; feature answers with `given`, or fails with `failure`. */
function aReplica({ given = { x: 3, y: 1 } as Record<string, number | undefined>, failure = undefined as number | undefined, live = true, plan = {} as Partial<Plan>, declared = {} as Partial<Deployment>, failing = [] as number[], ledgerAway = false } = {}) {
  const rows = new Map<string, LedgerRow>();
  const scored: number[][] = [];
  const catalogue = new Catalogue();
  catalogue.learn([aDeployment(declared)], [{ name: 's', version: 1, request: { shop: 'string' } }]);
  const traffic = new Traffic();
  const fallbacks = new Fallbacks();
  const failed: LedgerRow[] = [];
  /** Version 4 gives x - y, and each further one ten more. */
  const sessionOf = ({ version }: Version): ModelSession => ({
    features: ['x', 'y'],
    async score(flat: Float32Array) {
      if (failing.includes(version)) throw new Error('no number');
      scored.push([...flat]);
      return Float32Array.from({ length: flat.length / 2 }, (_, row) => flat[2 * row] - flat[2 * row + 1] + 10 * (version - 4));
    },
  }) as unknown as ModelSession;
  if (live) traffic.switchTo(aDivision(aPlan({ live: aVersion(4), ...plan }), sessionOf));
  const vector = { example: 'e', exampleTime: 0, features: Object.entries(given).map(([name, value]) => ({ name, value, eventTime: 0, age: 0, freshness: feature.Freshness.FRESH })) };
  const features = {
    getFeatures(request: feature.GetFeaturesRequest, _metadata: unknown, _options: unknown, answer: (error: unknown, response?: unknown) => void) {
      setImmediate(() => (failure === undefined ? answer(null, { featureSet: 's', version: 1, vectors: request.rows.map(() => vector) }) : answer({ code: failure, details: 'no' })));
      return { cancel: () => undefined };
    },
  };
  const deps = {
    catalogue, traffic, lookups: new VectorLookups({ features: features as never, clock: { now: () => 7 }, elapsed: () => 0 }), fallbacks, admission: new Admission(4, 4), clock: { now: () => 7, kind: 'system' }, log: { warn: () => undefined },
    ledger: { find: async (ids: string[]) => ids.flatMap((id) => rows.get(id) ?? []) },
    writer: {
      unwritten: () => [],
      writeLater: (list: LedgerRow[]) => list.forEach((row) => rows.set(row.id, row)),
      async write(list: LedgerRow[]) {
        if (ledgerAway) throw unavailable('The ledger is away.');
        if (list[0].role === 'failed') return list.forEach((row) => failed.push(row)) === undefined;
        if (list.some(({ id }) => rows.has(id))) return false;
        list.forEach((row) => rows.set(row.id, row));
        return true;
      },
    },
  } as unknown as Deps;
  return { rows, scored, failed, fallbacks, ask: (over?: Partial<PredictCommand>, caller = by('application')) => predict(deps, command(over), caller) };
}

describe('a prediction', () => {
  it('gives the model its own inputs by name, whatever order and further features the set has now', async () => {
    const { ask, scored } = aReplica({ given: { new: 9, y: 1, x: 3 } });
    expect((await ask()).rows[0].outputs).toEqual({ probability: 2 });
    expect(scored).toEqual([[3, 1]]);
  });

  it('gives a missing value as NaN', async () => {
    const { ask, scored } = aReplica({ given: { x: undefined, y: 1 } });
    await ask();
    expect(scored).toEqual([[NaN, 1]]);
  });

  it('is unavailable when the set no longer gives what the model learned from', async () => {
    const { ask, rows } = aReplica({ given: { x: 3 } });
    await expect(ask()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('learned from y'), details: { reason: 'FEATURES_DIFFER' } });
    expect(rows.size).toBe(0);
  });

  it('stands in the ledger under its id, several rows under one id each', async () => {
    const { ask, rows } = aReplica();
    await ask({ id: 'p' });
    await ask({ id: 'q', tensors: shop('a', 'b') });
    expect([...rows.keys()]).toEqual(['p', 'q/0', 'q/1']);
    expect(rows.get('q/1')).toMatchObject({ version: 4, role: 'live', asOf: 7, request: { shop: 'b' }, example: 'e', featureSetVersion: 1 });
  });

  it('takes the raw tensor in the order of the model for a named version', async () => {
    const { ask, rows } = aReplica();
    expect((await ask({ id: 'p', version: '4', tensors: raw(5, 1) })).rows[0].outputs).toEqual({ probability: 4 });
    expect(rows.get('p')).toMatchObject({ role: 'named', request: { features: [5, 1] } });
  });
});

describe('an id that comes again', () => {
  it('gets the recorded answer for the same question, though the features have changed', async () => {
    const given: Record<string, number> = { x: 3, y: 1 };
    const { ask, scored } = aReplica({ given });
    const [one, two] = [await ask({ id: 'p' }), await ask({ id: 'q', tensors: shop('a', 'b') })];
    expect((await ask({ id: 'p' })).rows).toEqual(one.rows);
    expect((await ask({ id: 'q', tensors: shop('a', 'b') })).rows).toEqual(two.rows);
    expect(scored).toHaveLength(2);
  });

  it.each([
    ['another field', { tensors: shop('a') }, { tensors: shop('b') }],
    ['more rows', { tensors: shop('a') }, { tensors: shop('a', 'b') }],
    ['fewer rows', { tensors: shop('a', 'b', 'c') }, { tensors: shop('a', 'b') }],
    ['one row of several', { tensors: shop('a', 'b') }, { tensors: shop('a') }],
    ['a named version', { tensors: shop('a') }, { version: '4', tensors: raw(1, 2) }],
  ])('is a conflict with %s', async (_name, before, after) => {
    const { ask } = aReplica();
    await ask({ id: 'p', ...before });
    await expect(ask({ id: 'p', ...after })).rejects.toMatchObject({ code: 'conflict', details: { reason: 'ID_REUSED' } });
  });

  it('is none when it only looks like the row of another', async () => {
    const { ask } = aReplica();
    await ask({ id: 'p/0' });
    await expect(ask({ id: 'p', tensors: shop('b') })).resolves.toMatchObject({ id: 'p' });
  });

  it('has 256 characters at most and no NUL', async () => {
    const { ask } = aReplica();
    for (const id of ['x'.repeat(257), 'a\0']) await expect(ask({ id })).rejects.toMatchObject({ code: 'invalid', details: { field: 'id' } });
  });
});

describe('a question that cannot be answered', () => {
  it('is forbidden to an application of another deployment, before it learns which there are', async () => {
    const { ask } = aReplica();
    const stranger = by('application:returns');
    await expect(ask({}, stranger)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(ask({ deployment: 'nothing' }, stranger)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(ask({}, by('application:orders'))).resolves.toBeDefined();
  });

  it('is not found for an unknown deployment or a version that is not live, and unavailable while nothing is', async () => {
    const { ask } = aReplica();
    await expect(ask({ deployment: 'nothing' })).rejects.toMatchObject({ code: 'not_found', details: { expected: 'orders' } });
    await expect(ask({ version: '3', tensors: raw(1, 2) })).rejects.toMatchObject({ code: 'not_found', details: { expected: '4', got: '3' } });
    await expect(aReplica({ live: false }).ask({ version: '3' })).rejects.toMatchObject({ code: 'unavailable', details: { reason: 'NO_LIVE_VERSION' } });
  });

  it.each([
    ['unavailable', status.UNAUTHENTICATED], ['unavailable', status.PERMISSION_DENIED], ['unavailable', status.NOT_FOUND], ['unavailable', status.UNAVAILABLE],
    // Feature had a quarter of a second; the caller still waits and may ask again.
    ['unavailable', status.DEADLINE_EXCEEDED], ['invalid', status.INVALID_ARGUMENT],
  ])('is %s when feature says %s', async (code, failure) => {
    await expect(aReplica({ failure }).ask()).rejects.toMatchObject({ code, details: code === 'unavailable' ? { reason: 'NO_FEATURES', retryAfter: expect.any(Number) } : {} });
  });

  it('is not worked on when its caller is gone', async () => {
    const { ask, scored } = aReplica();
    await expect(ask({}, { ...by('application'), remaining: () => 0 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(scored).toEqual([]);
  });
});

describe('a canary', () => {
  const plan = { candidate: aVersion(5), stage: 'canary' as const, share: 0.3, rollout: [{ stage: 'canary' as const, for: '1d', share: 0.3 }], revision: 2_001 };
  const many = Array.from({ length: 200 }, (_, index) => `p${index}`);

  it('answers its share of the questions, each always in the same way, and the ledger names who did', async () => {
    const { ask, rows } = aReplica({ plan });
    for (const id of many) {
      const { version, rows: [row] } = await ask({ id });
      expect(rows.get(id)).toMatchObject({ version, role: version === 5 ? 'canary' : 'live', digest: `d${version}`, traffic: 2_001 });
      expect(row.outputs.probability).toBe(version === 5 ? 12 : 2);
    }
    const tried = many.filter((id) => rows.get(id)!.version === 5);
    expect(tried.length).toBeGreaterThan(40);
    expect(tried.length).toBeLessThan(80);
    const again = aReplica({ plan });
    for (const id of many) await again.ask({ id });
    expect(many.filter((id) => again.rows.get(id)!.version === 5)).toEqual(tried);
  });

  it('keeps to one version for one key, in requests of several rows too, and says which had which', async () => {
    const { ask } = aReplica({ plan: { ...plan, rollout: [{ ...plan.rollout[0], key: 'request.shop' }] } });
    const shops = Array.from({ length: 20 }, (_, index) => `shop ${index}`);
    const { version, rows } = await ask({ id: 'all', tensors: shop(...shops) });
    expect(new Set(rows.map((row) => row.version))).toEqual(new Set([4, 5]));
    expect(version).toBe(4);
    for (const [index, one] of shops.entries()) expect((await ask({ tensors: shop(one) })).version).toBe(rows[index].version);
  });

  it('answers by the live version where the candidate cannot score', async () => {
    const { ask, rows } = aReplica({ plan, failing: [5] });
    for (const id of many.slice(0, 50)) expect((await ask({ id })).version).toBe(4);
    expect(new Set([...rows.values()].map(({ role }) => role))).toEqual(new Set(['live']));
  });
});

describe('a declared fallback', () => {
  const declared = { fallback: { probability: 0.2 } };

  it.each([
    ['features cannot be had', { failure: status.UNAVAILABLE }, 'NO_FEATURES'], ['feature does not answer in time', { failure: status.DEADLINE_EXCEEDED }, 'NO_FEATURES'], ['nothing is live', { live: false }, 'NO_LIVE_VERSION'],
    ['the model cannot score', { failing: [4] }, 'NO_SCORE'], ['the set lacks what the model learned from', { given: { x: 3 } }, 'FEATURES_DIFFER'],
  ])('answers when %s, marked as such', async (_name, trouble, reason) => {
    const { ask, rows, fallbacks } = aReplica({ declared, ...trouble });
    expect(await ask({ id: 'p' })).toMatchObject({ version: 0, rows: [{ role: 'fallback', reason, outputs: { probability: 0.2 } }] });
    expect(rows.get('p')).toMatchObject({ version: 0, role: 'fallback', digest: '', reason, traffic: 'live' in trouble ? 0 : 1_000 });
    expect(fallbacks.readings()).toMatchObject([{ labels: { deployment: 'orders', reason }, value: 1 }]);
  });

  it('is given again to the same question', async () => {
    const { ask } = aReplica({ declared, failing: [4] });
    const first = await ask({ id: 'p' });
    expect(await ask({ id: 'p' })).toEqual(first);
  });

  it('is no answer to a bad request, to a named version, or while the ledger is away', async () => {
    await expect(aReplica({ declared, failure: status.INVALID_ARGUMENT }).ask()).rejects.toMatchObject({ code: 'invalid' });
    await expect(aReplica({ declared, live: false }).ask({ tensors: raw(1, 2) })).rejects.toMatchObject({ code: 'invalid' });
    await expect(aReplica({ declared, failing: [4] }).ask({ version: '4', tensors: raw(1, 2) })).rejects.toMatchObject({ code: 'internal' });
    await expect(aReplica({ declared, failing: [4], ledgerAway: true }).ask()).rejects.toMatchObject({ code: 'unavailable', message: 'The ledger is away.' });
  });
});

describe('a version that cannot score', () => {
  it('fails the question, and the failure is kept for those who judge it', async () => {
    const { ask, rows, failed } = aReplica({ failing: [4] });
    await expect(ask({ id: 'p' })).rejects.toMatchObject({ code: 'internal', details: { reason: 'NO_SCORE' } });
    expect(rows.size).toBe(0);
    expect(failed).toMatchObject([{ id: 'p', version: 4, role: 'failed', outputs: {}, error: expect.stringContaining('no number') }]);
  });
});

describe('an asynchronous ledger', () => {
  it('says how long a crash may take an answer from it', async () => {
    const { ask, rows } = aReplica({ declared: { ledger: 'async' } });
    expect(await ask({ id: 'p' })).toMatchObject({ lossWindow: 1_000_000 });
    expect(rows.has('p')).toBe(true);
  });
});

describe('what a replica knows of deployments', () => {
  it('follows the newest version, in whatever order it hears of them', () => {
    const catalogue = new Catalogue();
    const deployment = (version: number, featureSet: string) => aDeployment({ version, featureSet });
    catalogue.learn([deployment(2, 's2')], [{ name: 's2', version: 3, request: { shop: 'string' } }]);
    catalogue.learn([deployment(1, 's1')], [{ name: 's2', version: 2, request: {} }]);
    expect(catalogue.find('orders')).toMatchObject({ deployment: { featureSet: 's2' }, featureSet: { version: 3 } });
    catalogue.learn([deployment(3, 's3')], []);
    expect(catalogue.find('orders')).toEqual({ deployment: deployment(3, 's3'), featureSet: undefined });
  });
});
