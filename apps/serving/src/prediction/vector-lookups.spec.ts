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
  const lookups = new VectorLookups({ features: features as never, clock: { now: () => (now += 1) } });
  const ask = (rows: { name: string }[], { set = 's', limit = 1_000 } = {}) =>
    lookups.fetch(set, rows, { limit, signal: new AbortController().signal }).then(({ asOf, version, vectors }) => ({ asOf, version, examples: vectors.map(({ example }) => example) }));
  /** Lets every call through, those as well that follow from it. */
  const letAll = async (failure?: number) => {
    for (let at = 0; at < calls.length; at += 1) {
      calls[at].let(failure);
      for (let some = 0; some < 5; some += 1) await turn();
    }
  };
  return { ask, calls, letAll };
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

  it('go at once for who cannot wait, within what that one has, and for many rows', async () => {
    const { ask, calls, letAll } = aFeature();
    const asked = [ask([row('a')]), ask([row('hurried')], { limit: 100 }), ask(Array.from({ length: 100 }, () => row('many'))), ask([row('b')])];
    await turn();
    expect(calls.map(({ rows: [first], deadline }) => [first, deadline > 100 ? 250 : 100])).toEqual([['a', 250], ['hurried', 100], ['many', 250]]);
    await letAll();
    await Promise.all(asked);
    expect(calls).toHaveLength(4);
  });
});
