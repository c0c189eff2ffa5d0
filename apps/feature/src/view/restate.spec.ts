import fc from 'fast-check';
import { reads, restate, stepsOf } from './restate';
import { aggregates, compareEntries, fromGrid, tileStart, toGrid, windowOf, type Aggregate, type Entry, type Tile, type ValueRow, type Window } from './window';

/** The naive scan: everything that was known at `at`, looked at one by one. */
function scan(window: Window, entries: readonly Entry[], at: number): ValueRow | undefined {
  const known = entries.filter(({ knownAt }) => knownAt <= at).sort(compareEntries);
  const newest = known.at(-1);
  if (newest === undefined) return undefined;
  const inside = known.filter(({ eventTime }) => eventTime > newest.eventTime - window.length);
  const sum = inside.reduce((total, { scaled }) => total + scaled, 0n);
  const value = { count: inside.length, sum: fromGrid(sum, 1, window.digits), avg: fromGrid(sum, inside.length, window.digits), last: fromGrid(newest.scaled, 1, window.digits) }[window.aggregate];
  return { knownAt: Math.max(...known.map(({ knownAt }) => knownAt)), eventTime: newest.eventTime, n: window.aggregate === 'last' ? 1 : inside.length, value };
}

/** What the store does, in memory and for one entity. */
class Kept {
  readonly entries: Entry[] = [];
  readonly tiles = new Map<number, Tile>();
  readonly rows = new Map<number, ValueRow>();
  constructor(private readonly window: Window) {}

  add(fresh: readonly Entry[]): void {
    for (const entry of fresh) {
      const start = tileStart(this.window, entry.eventTime);
      const { n, sum } = this.tiles.get(start) ?? { n: 0, sum: 0n };
      this.tiles.set(start, { start, n: n + 1, sum: sum + entry.scaled });
      this.entries.push(entry);
    }
    const first = Math.min(...fresh.map(({ knownAt }) => knownAt));
    const later = this.entries.filter(({ knownAt }) => knownAt >= first);
    const before = this.entries.filter(({ knownAt }) => knownAt < first).sort(compareEntries).at(-1);
    const steps = stepsOf(before, later);
    const { from, cut } = reads(this.window, steps);
    const rows = restate(this.window, steps, later, [...this.tiles.values()].filter(({ start }) => start >= from), this.entries.filter(({ eventTime }) => cut.includes(tileStart(this.window, eventTime))));
    for (const row of rows) this.rows.set(row.knownAt, row);
  }

  state(): unknown {
    return [[...this.rows.values()].sort((a, b) => a.knownAt - b.knownAt), [...this.tiles.values()].sort((a, b) => a.start - b.start)];
  }
}

const anEntry = fc.record({
  eventTime: fc.integer({ min: -50, max: 400 }), delay: fc.integer({ min: -5, max: 300 }), source: fc.constantFrom('a', 'b'), value: fc.double({ min: -1e9, max: 1e9, noNaN: true }),
});
const someEntries = fc.array(anEntry, { minLength: 1, maxLength: 30 }).map((drafts) => drafts.map(({ eventTime, delay, source, value }, index): Entry => {
  const arrival = eventTime + delay;
  return { eventTime, arrival, source, id: `${index}`, knownAt: Math.max(arrival, eventTime), scaled: toGrid(value, 6)! };
}));
const aWindow = fc.record({ aggregate: fc.constantFrom<Aggregate>(...aggregates), length: fc.integer({ min: 1, max: 200 }), tile: fc.integer({ min: 1, max: 200 }) })
  .map(({ aggregate, length, tile }): Window => ({ ...windowOf(aggregate, length, 6), tile: Math.min(tile, length) }));

describe('values over tiles', () => {
  it('equal the scan over all records at every instant, however the records come in', () => {
    fc.assert(fc.property(aWindow, someEntries, fc.infiniteStream(fc.integer({ min: 1, max: 5 })), (window, entries, sizes) => {
      const kept = new Kept(window);
      for (let at = 0; at < entries.length;) {
        const size = sizes.next().value as number;
        kept.add(entries.slice(at, at + size));
        at += size;
      }
      for (const knownAt of new Set(entries.map((entry) => entry.knownAt))) expect(kept.rows.get(knownAt)).toEqual(scan(window, entries, knownAt));
      expect(kept.rows.size).toBe(new Set(entries.map(({ knownAt }) => knownAt)).size);
    }), { seed: 4, numRuns: 300 });
  });

  it('are one state after every order of the same records', () => {
    const window: Window = { ...windowOf('avg', 10, 6), tile: 3 };
    const entry = (eventTime: number, arrival: number, value: number, id: string): Entry => ({ eventTime, arrival, source: 's', id, knownAt: Math.max(eventTime, arrival), scaled: toGrid(value, 6)! });
    const entries = [entry(0, 0, 0.1, 'a'), entry(5, 20, 0.2, 'b'), entry(5, 5, 0.3, 'c'), entry(14, 14, 1e9, 'd'), entry(14, 14, -1e9, 'e'), entry(4, 30, 7, 'f')];
    const states = permutations(entries).map((order) => {
      const kept = new Kept(window);
      order.forEach((one) => kept.add([one]));
      return kept.state();
    });
    expect(states).toHaveLength(720);
    states.forEach((state) => expect(state).toEqual(states[0]));
  });

  it('take the window as half open: a record exactly one length older is out', () => {
    const window = windowOf('count', 10, 6);
    const kept = new Kept(window);
    [0, 1, 10].forEach((eventTime) => kept.add([{ eventTime, arrival: eventTime, source: 's', id: `${eventTime}`, knownAt: eventTime, scaled: 0n }]));
    expect(kept.rows.get(10)).toEqual({ knownAt: 10, eventTime: 10, n: 2, value: 2 });
  });

  it('count a record from its event on when it arrives before it', () => {
    const kept = new Kept(windowOf('count', 10, 6));
    kept.add([{ eventTime: 7, arrival: 3, source: 's', id: 'early', knownAt: 7, scaled: 0n }]);
    expect([...kept.rows.keys()]).toEqual([7]);
  });

  it('say of the last value the newest by (event time, arrival, source, id), whichever came in last', () => {
    const at = (eventTime: number, arrival: number, source: string, id: string, value: number): Entry => ({ eventTime, arrival, source, id, knownAt: 9, scaled: toGrid(value, 6)! });
    const entries = [at(1, 9, 'z', 'z', 1), at(2, 3, 'a', 'b', 2), at(2, 3, 'a', 'a', 3), at(2, 2, 'z', 'z', 4)];
    for (const order of permutations(entries)) {
      const kept = new Kept(windowOf('last', 10, 6));
      kept.add(order);
      expect(kept.rows.get(9)?.value).toBe(2);
    }
  });
});

describe('the grid', () => {
  it('gives back what a decimal says, and the closest double of an average', () => {
    expect(fromGrid(toGrid(0.1, 6)!, 1, 6)).toBe(0.1);
    expect(fromGrid(toGrid(0.1, 6)! + toGrid(0.2, 6)!, 1, 6)).toBe(0.3);
    expect(fromGrid(3_000_000n, 7, 6)).toBe(3 / 7);
    expect(fromGrid(toGrid(12_345, -2)!, 1, -2)).toBe(12_300);
  });

  it('holds sums that are wider than 64 bits', () => {
    expect(fromGrid(9_000_000_000_000_000_000n * 1_000n, 1_000, 6)).toBe(9e12);
  });

  it('has no place for what is not finite or wider than 63 bits', () => {
    expect([Number.NaN, Infinity, 1e13, -1e300].map((value) => toGrid(value, 6))).toEqual([undefined, undefined, undefined, undefined]);
  });
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}
