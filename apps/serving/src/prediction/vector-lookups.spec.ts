import { status } from '@grpc/grpc-js';
import type { feature } from '@rhei/contracts';
import { VectorLookups } from './vector-lookups';

const row = (name: string, over: object = {}) => ({ name, ...over });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Feature answers each row with its name as the example, when it is let; it refuses what holds a row `bad`. */
function aFeature() {
  let now = 0;
  const calls: { rows: string[]; deadline: number; let(failure?: number): void }[] = [];
  const features = {
    getFeatures(request: feature.GetFeaturesRequest, _metadata: unknown, options: { deadline: number }, answer: (error: unknown, response?: unknown) => void) {
      const rows = request.rows.map(({ fieldsJson }) => (JSON.parse(fieldsJson) as { name: string }).name);
      calls.push({ rows, deadline: options.deadline - Date.now(), let: (failure) => {
        if (failure !== undefined || rows.includes('bad')) answer({ code: failure ?? status.INVALID_ARGUMENT, details: 'no' });
        else answer(null, { featureSet: 's', version: 3, vectors: rows.map((example) => ({ example, exampleTime: 0, features: [] })) });
      } });
      return { cancel: () => undefined };
    },
  };
  const lookups = new VectorLookups({ features: features as never, clock: { now: () => (now += 1) }, elapsed: () => time.elapsed });
  const time = { elapsed: 0 };
  const ask = (rows: { name: string }[], { set = 's', limit = 1_000 } = {}) =>
    lookups.fetch(set, rows, { limit, signal: new AbortController().signal }).then(({ asOf, version, vectors }) => ({ asOf, version, examples: vectors.map(({ example }) => example) }));
  /** Lets every call through, those as well that follow from it. */
  const letAll = async (failure?: number) => {
    for (let at = 0; at < calls.length; at += 1) {
      calls[at].let(failure);
      for (let some = 0; some < 5; some += 1) await turn();
    }
  };
  return { ask, calls, letAll, time };
}

describe('look-ups of vectors', () => {
  it('go at once while none runs; those that come meanwhile share the next call, as of its instant, each with its own rows', async () => {
    const { ask, calls, letAll } = aFeature();
    const asked = [ask([row('a')]), ask([row('b'), row('c')]), ask([row('d')]), ask([row('e')], { set: 'another' })];
    await turn();
    expect(calls.map(({ rows }) => rows)).toEqual([['a'], ['e']]);
    await letAll();
    expect(calls.map(({ rows }) => rows)).toEqual([['a'], ['e'], ['b', 'c', 'd']]);
    expect(await Promise.all(asked)).toEqual([
      { asOf: 1, version: 3, examples: ['a'] }, { asOf: 3, version: 3, examples: ['b', 'c'] }, { asOf: 3, version: 3, examples: ['d'] }, { asOf: 2, version: 3, examples: ['e'] },
    ]);
    const later = ask([row('f')]);
    await letAll();
    expect(await later).toMatchObject({ examples: ['f'] });
  });

  it('fail alone where feature refuses one, and together where it is away', async () => {
    const refused = aFeature();
    const asked = ['a', 'b', 'bad', 'c', 'd'].map((name) => refused.ask([row(name)]));
    const outcomes = Promise.allSettled(asked);
    await refused.letAll();
    expect((await outcomes).map((one) => (one.status === 'fulfilled' ? one.value.examples : (one.reason as { code: string }).code))).toEqual([['a'], ['b'], 'invalid', ['c'], ['d']]);
    const away = aFeature();
    const all = Promise.allSettled(['a', 'b', 'c'].map((name) => away.ask([row(name)])));
    await away.letAll(status.UNAVAILABLE);
    expect((await all).map((one) => (one.status === 'rejected' ? (one.reason as { code: string }).code : 'answered'))).toEqual(['unavailable', 'unavailable', 'unavailable']);
    expect(away.calls).toHaveLength(2);
  });

  it('go at once for who cannot wait, within what that one has; many rows wait for many only', async () => {
    const { ask, calls, letAll } = aFeature();
    const many = () => Array.from({ length: 100 }, () => row('many'));
    const asked = [ask([row('a')]), ask([row('hurried')], { limit: 100 }), ask(many()), ask(many()), ask([row('b')])];
    await turn();
    expect(calls.map(({ rows: [first], deadline }) => [first, deadline > 100 ? 250 : 100])).toEqual([['a', 250], ['hurried', 100], ['many', 250]]);
    await letAll();
    await Promise.all(asked);
    expect(calls.map(({ rows: [first] }) => first)).toEqual(['a', 'hurried', 'many', 'b', 'many']);
  });

  it('are asked once more where feature was too slow and there is time left, and not at all once it is over', async () => {
    const { ask, calls, time } = aFeature();
    const outcomes = Promise.allSettled([ask([row('a')]), ask([row('b')], { limit: 400 }), ask([row('c')])]);
    const let_ = async (at: number, failure?: number): Promise<void> => { calls[at].let(failure); for (let some = 0; some < 5; some += 1) await turn(); };
    time.elapsed = 250;
    await let_(0, status.DEADLINE_EXCEEDED);
    expect(calls.map(({ rows }) => rows)).toEqual([['a'], ['a', 'b', 'c']]);
    time.elapsed = 500;
    await let_(1, status.DEADLINE_EXCEEDED);
    time.elapsed = 1_000;
    await let_(2);
    expect(calls.map(({ rows }) => rows)).toEqual([['a'], ['a', 'b', 'c'], ['c']]);
    expect((await outcomes).map((one) => (one.status === 'rejected' ? (one.reason as { code: string }).code : one.value.examples))).toEqual(['deadline_exceeded', 'deadline_exceeded', ['c']]);
  });

  it('leave out who is gone', async () => {
    const { ask, calls, letAll, time } = aFeature();
    const asked = [ask([row('a')]), ask([row('late')], { limit: 400 }), ask([row('b')])];
    const outcomes = Promise.allSettled(asked);
    time.elapsed = 450;
    await letAll();
    expect(calls.map(({ rows }) => rows)).toEqual([['a'], ['b']]);
    expect((await outcomes).map(({ status: outcome }) => outcome)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});
