import { aDivision, aPlan, aVersion } from '../../spec/builders';
import type { Held } from './sessions';
import { Traffic, type Division } from './traffic';

function answeredBy(version: number, revision = version * 1_000): Division & { released: () => boolean } {
  let released = false;
  const held = { release: async () => { released = true; } } as Held;
  return { ...aDivision(aPlan({ revision, live: aVersion(version) })), held: [held], released: () => released };
}
function held() {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => { end = resolve; });
  return { call: () => ended, end };
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('traffic', () => {
  it('gives new calls the division that was switched to, and says which was before', () => {
    const traffic = new Traffic();
    const [one, two] = [answeredBy(1), answeredBy(2)];
    expect(traffic.answers()).toBe(false);
    expect(traffic.switchTo(one)).toEqual({ switched: true, before: undefined });
    expect(traffic.switchTo(two)).toEqual({ switched: true, before: one });
    expect(traffic.of('orders')).toBe(two);
    expect(traffic.of('another')).toBeUndefined();
  });

  it('ignores an older revision and the same one again', () => {
    const traffic = new Traffic();
    const back = answeredBy(1, 3_000);
    traffic.switchTo(back);
    for (const late of [answeredBy(2, 2_000), answeredBy(1, 3_000)]) expect(traffic.switchTo(late)).toEqual({ switched: false });
    expect(traffic.of('orders')).toBe(back);
  });

  it('lets go of an old version only after its last call', async () => {
    const traffic = new Traffic();
    const [one, two] = [answeredBy(1), answeredBy(2)];
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
    const one = answeredBy(1);
    traffic.switchTo(one);
    const call = traffic.using(one, async () => { await turn(); throw new Error('no'); });
    traffic.switchTo(answeredBy(2));
    await Promise.all([expect(call).rejects.toThrow('no'), traffic.release(one)]);
    expect(one.released()).toBe(true);
  });

  it('lets go at once of a version that nobody asked', async () => {
    const traffic = new Traffic();
    const one = answeredBy(1);
    traffic.switchTo(one);
    traffic.switchTo(answeredBy(2));
    await traffic.release(one);
    expect(one.released()).toBe(true);
  });
});
