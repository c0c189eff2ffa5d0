import type { ModelSession } from './model-session';
import { Traffic, type Live } from './traffic';

function aVersion(version: number, revision = version): Live & { released: () => boolean } {
  let released = false;
  const session = { release: async () => { released = true; } } as unknown as ModelSession;
  return { model: 'm', version, revision, digest: `${version}`, replaces: version - 1, promotedAt: 0, session, released: () => released };
}
function held() {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => { end = resolve; });
  return { call: () => ended, end };
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('traffic', () => {
  it('gives new calls the version that was switched to, and says which was before', () => {
    const traffic = new Traffic();
    const [one, two] = [aVersion(1), aVersion(2)];
    expect(traffic.answers()).toBe(false);
    expect(traffic.switchTo(one)).toEqual({ switched: true, before: undefined });
    expect(traffic.switchTo(two)).toEqual({ switched: true, before: one });
    expect(traffic.of('m')).toBe(two);
    expect(traffic.of('another')).toBeUndefined();
  });

  it('ignores an older revision and the same one again', () => {
    const traffic = new Traffic();
    const back = aVersion(1, 3);
    traffic.switchTo(back);
    for (const late of [aVersion(2, 2), aVersion(1, 3)]) expect(traffic.switchTo(late)).toEqual({ switched: false });
    expect(traffic.of('m')).toBe(back);
  });

  it('frees an old version only after its last call', async () => {
    const traffic = new Traffic();
    const [one, two] = [aVersion(1), aVersion(2)];
    traffic.switchTo(one);
    const [first, second] = [held(), held()];
    const calls = [traffic.using(one, first.call), traffic.using(one, second.call)];
    traffic.switchTo(two);
    const freed = traffic.release(one);
    first.end();
    await turn();
    expect(one.released()).toBe(false);
    second.end();
    await Promise.all([...calls, freed]);
    expect(one.released()).toBe(true);
    expect(two.released()).toBe(false);
  });

  it('counts a call that fails as over', async () => {
    const traffic = new Traffic();
    const one = aVersion(1);
    traffic.switchTo(one);
    const call = traffic.using(one, async () => { await turn(); throw new Error('no'); });
    traffic.switchTo(aVersion(2));
    await Promise.all([expect(call).rejects.toThrow('no'), traffic.release(one)]);
    expect(one.released()).toBe(true);
  });

  it('frees at once a version that nobody asked', async () => {
    const traffic = new Traffic();
    const one = aVersion(1);
    traffic.switchTo(one);
    traffic.switchTo(aVersion(2));
    await traffic.release(one);
    expect(one.released()).toBe(true);
  });
});
