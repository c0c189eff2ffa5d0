import fc from 'fast-check';
import { aWindow, entryOfSent, scan, someSent, type Sent } from '../../spec/revised-records';
import { untils } from '../record/fact';
import { remadeTiles } from './merge';
import { reads, restate } from './restate';
import { stepsOf, type Known } from './steps';
import { compareEntries, fromGrid, opening, tileStart, toGrid, valueOf, windowOf, type Entry, type Tile, type ValueRow, type Window } from './window';

type KeptEntry = Entry & { entity: string };

/** What the store does, in memory and for one view. */
class Kept {
  private readonly sent: Sent[] = [];
  private readonly entries: KeptEntry[] = [];
  private readonly tiles = new Map<string, Map<number, Tile>>();
  readonly rows = new Map<string, Map<number, ValueRow>>();
  constructor(private readonly window: Window) {}

  add(fresh: readonly Sent[]): void {
    this.sent.push(...fresh);
    const changed = new Map<string, { first: number; touched: number[] }>();
    const touch = (entity: string, at: number, eventTime: number): void => {
      const { first, touched } = changed.get(entity) ?? { first: Infinity, touched: [] };
      changed.set(entity, { first: Math.min(at, first), touched: [...touched, eventTime] });
    };
    for (const entry of this.entries) {
      const until = this.until(entry);
      if (until === entry.until) continue;
      if (entry.until === undefined) this.count(entry, -1);
      entry.until = until;
      touch(entry.entity, Math.max(entry.knownAt, until!), entry.eventTime);
    }
    for (const one of fresh) {
      if (!one.counted || one.withdrawn) continue;
      const entry: KeptEntry = { ...entryOfSent(one), entity: one.entity, until: this.until(one) };
      this.entries.push(entry);
      if (entry.until === undefined) this.count(entry, 1);
      touch(one.entity, one.knownAt, one.eventTime);
    }
    for (const [entity, { first, touched }] of changed) this.stateAnew(entity, first, touched);
  }

  private until({ source, id }: Pick<Entry, 'source' | 'id'>): number | undefined {
    const { identity } = this.sent.find((one) => one.source === source && one.id === id)!;
    return identity === '' ? undefined : untils(this.sent.filter((one) => one.source === source && one.identity === identity)).get(id);
  }

  private count({ entity, eventTime, scaled, below = 0n }: KeptEntry, sign: 1 | -1): void {
    const [tiles, start, by] = [this.tilesOf(entity), tileStart(this.window, eventTime), BigInt(sign)];
    const tile = tiles.get(start) ?? { start, n: 0, sum: 0n, squares: 0n, below: 0n };
    tiles.set(start, { ...tile, n: tile.n + sign, sum: tile.sum + by * scaled, squares: tile.squares + by * scaled * scaled, below: tile.below + by * below });
  }

  private tilesOf(entity: string): Map<number, Tile> {
    const tiles = this.tiles.get(entity) ?? new Map<number, Tile>();
    this.tiles.set(entity, tiles);
    return tiles;
  }

  private stateAnew(entity: string, first: number, touched: number[]): void {
    const { window } = this;
    const own = this.entries.filter((entry) => entry.entity === entity);
    const by = own.filter(({ knownAt }) => knownAt <= first);
    const known: Known = {
      first, touched, changes: own.some(({ knownAt, until }) => (knownAt === first && (until === undefined || until > first)) || (until === first && knownAt < first)),
      standing: by.filter(({ until }) => until === undefined).sort(compareEntries).at(-1),
      later: own.filter(({ knownAt }) => knownAt > first), ending: by.filter(({ until }) => until !== undefined && until > first),
    };
    const steps = stepsOf(known);
    const { from, together, single, remade } = reads(window, steps, known);
    const tiles = this.tilesOf(entity);
    const read = [...tiles.values()].filter(({ start }) => start >= from);
    const loaded = own.filter(({ eventTime }) => single.includes(tileStart(window, eventTime)));
    const rows = this.rows.get(entity) ?? new Map<number, ValueRow>();
    for (const at of rows.keys()) if (at >= first) rows.delete(at);
    for (const row of restate(window, steps, known, together && read.length > 0 ? [addedUp(read)] : read, loaded)) rows.set(row.knownAt, row);
    this.rows.set(entity, rows);
    for (const tile of remadeTiles(window, remade, loaded)) if (tiles.has(tile.start)) tiles.set(tile.start, { ...tiles.get(tile.start)!, ...tile });
  }

  /** The value that a look-up finds. */
  at(entity: string, at: number): ValueRow | undefined {
    const rows = [...this.rows.get(entity)?.values() ?? []].filter(({ knownAt }) => knownAt <= at).sort((a, b) => a.knownAt - b.knownAt);
    return rows.at(-1)?.n === 0 ? undefined : rows.at(-1);
  }

  state(): unknown {
    return [...this.rows].map(([entity, rows]) => [entity, [...rows.values()].sort((a, b) => a.knownAt - b.knownAt), [...this.tilesOf(entity).values()].filter(({ n }) => n > 0).sort((a, b) => a.start - b.start)])
      .filter(([, rows]) => (rows as unknown[]).length > 0).sort(([a], [b]) => (`${a as string}` < `${b as string}` ? -1 : 1));
  }
}

const addedUp = (tiles: readonly Tile[]): Tile => tiles.reduce((all, { start, n, sum, squares, below }) =>
  ({ start: Math.min(all.start, start), n: all.n + n, sum: all.sum + sum, squares: all.squares + squares, below: all.below + below }));

const plain = (entry: Omit<Entry, 'until'>, index: number): Sent => ({ below: 0n, item: '', ...entry, revision: 1, withdrawn: false, entity: 'x', identity: '', counted: true, id: entry.id || `${index}` });

describe('values over tiles', () => {
  const inBatches = (window: Window, sent: readonly Sent[], sizes: Iterator<number>): Kept => {
    const kept = new Kept(window);
    for (let at = 0; at < sent.length;) {
      const size = sizes.next().value as number;
      kept.add(sent.slice(at, at + size));
      at += size;
    }
    return kept;
  };
  const someSizes = fc.infiniteStream(fc.integer({ min: 1, max: 5 }));

  it('equal the scan over all records at every instant, under corrections and withdrawals, however the records come in', () => {
    fc.assert(fc.property(aWindow, someSent(30), someSizes, (window, sent, sizes) => {
      const kept = inBatches(window, sent, sizes);
      const instants = new Set(sent.flatMap(({ knownAt }) => [knownAt - 1, knownAt]));
      for (const entity of ['x', 'y']) {
        for (const at of instants) {
          const { knownAt: _since, ...found } = kept.at(entity, at) ?? { knownAt: 0 };
          const { knownAt: _at, ...expected } = scan(window, sent, entity, at) ?? { knownAt: 0 };
          expect(found).toEqual(expected);
        }
      }
    }), { seed: 4, numRuns: 600 });
  });

  it('are one state after every order and batching of the same records, corrections and withdrawals among them', () => {
    fc.assert(fc.property(aWindow, someSent(14), someSizes, fc.infiniteStream(fc.nat()), (window, sent, sizes, keys) => {
      const shuffled = sent.map((one) => ({ one, key: keys.next().value as number })).sort((a, b) => a.key - b.key).map(({ one }) => one);
      expect(inBatches(window, shuffled, sizes).state()).toEqual(inBatches(window, sent, sizes).state());
    }), { seed: 5, numRuns: 300 });
  });

  it('are one state after every order of the same records', () => {
    const window: Window = { ...windowOf('avg', 10, 6), tile: 3 };
    const entry = (eventTime: number, arrival: number, value: number, id: string): Sent => plain({ eventTime, arrival, source: 's', id, knownAt: Math.max(eventTime, arrival), scaled: toGrid(value, 6)! }, 0);
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
    [0, 1, 10].forEach((eventTime) => kept.add([plain({ eventTime, arrival: eventTime, source: 's', id: `${eventTime}`, knownAt: eventTime, scaled: 0n }, 0)]));
    expect(kept.at('x', 10)).toEqual({ knownAt: 10, eventTime: 10, n: 2, value: 2 });
  });

  it('count a record from its event on when it arrives before it', () => {
    const kept = new Kept(windowOf('count', 10, 6));
    kept.add([plain({ eventTime: 7, arrival: 3, source: 's', id: 'early', knownAt: 7, scaled: 0n }, 0)]);
    expect([...kept.rows.get('x')!.keys()]).toEqual([7]);
  });

  it('say of the last value the newest by (event time, arrival, source, id), whichever came in last', () => {
    const at = (eventTime: number, arrival: number, source: string, id: string, value: number): Sent => plain({ eventTime, arrival, source, id, knownAt: 9, scaled: toGrid(value, 6)! }, 0);
    const entries = [at(1, 9, 'z', 'z', 1), at(2, 3, 'a', 'b', 2), at(2, 3, 'a', 'a', 3), at(2, 2, 'z', 'z', 4)];
    for (const order of permutations(entries)) {
      const kept = new Kept(windowOf('last', 10, 6));
      kept.add(order);
      expect(kept.at('x', 9)?.value).toBe(2);
    }
  });
});

describe('a record that is corrected', () => {
  const window = windowOf('sum', 100, 6);
  const revision = (number: number, knownAt: number, value: number, rest: Partial<Sent> = {}): Sent =>
    ({ ...plain({ eventTime: 1, arrival: knownAt, source: 's', id: `r${number}`, knownAt, scaled: toGrid(value, 6)! }, 0), identity: 'f', revision: number, ...rest });

  it('counts until its correction is known, and what served before stays', () => {
    const kept = new Kept(window);
    kept.add([revision(1, 10, 5)]);
    kept.add([revision(2, 20, 7)]);
    expect([19, 20].map((at) => kept.at('x', at)?.value)).toEqual([5, 7]);
  });

  it('goes over to another entity, and leaves nothing where it was', () => {
    const kept = new Kept(window);
    kept.add([revision(1, 10, 5), revision(2, 20, 7, { entity: 'y' })]);
    expect([19, 20].map((at) => [kept.at('x', at)?.value, kept.at('y', at)?.value])).toEqual([[5, undefined], [undefined, 7]]);
  });

  it('is taken back by a withdrawal, and comes again with a later revision', () => {
    const kept = new Kept(window);
    kept.add([revision(3, 30, 8)]);
    kept.add([revision(1, 10, 5), revision(2, 20, 0, { withdrawn: true })]);
    expect([10, 20, 30].map((at) => kept.at('x', at)?.value)).toEqual([5, undefined, 8]);
  });

  it('never counts when its correction was known before it', () => {
    const kept = new Kept(window);
    kept.add([revision(1, 30, 5)]);
    kept.add([revision(2, 20, 7)]);
    expect([...kept.rows.get('x')!.values()].map(({ knownAt, value }) => [knownAt, value])).toEqual([[20, 7]]);
  });
});

describe('a window', () => {
  it('that hops opens at one instant while the newest record stays between two points of the grid', () => {
    expect([-1, 0, 1, 9, 10, 11].map((newest) => opening({ length: 30, hop: 10 }, newest))).toEqual([-30, -30, -20, -20, -20, -10]);
    expect(opening({ length: 30, hop: undefined }, 11)).toBe(-19);
  });

  it('since ever forgets nothing, before 1970 as after', () => {
    const kept = new Kept(windowOf('count', undefined, 6));
    [-9e14, -5, 0, 9e14].forEach((eventTime) => kept.add([plain({ eventTime, arrival: eventTime, source: 's', id: `${eventTime}`, knownAt: eventTime, scaled: 0n }, 0)]));
    expect(kept.at('x', 9e14)).toMatchObject({ n: 4, value: 4 });
  });

  it('has no ratio with nothing below, and the deviation of the population', () => {
    const newest: Entry = { eventTime: 0, arrival: 0, source: 's', id: 'a', knownAt: 0, scaled: 0n };
    // 2 and 8
    const totals = { n: 2, sum: 10_000_000n, squares: 68_000_000_000_000n, below: 0n, distinct: 0 };
    expect(valueOf(windowOf('ratio', 1, 6), totals, newest)).toBeNull();
    expect(valueOf(windowOf('ratio', 1, 6), { ...totals, below: 3_000_000n }, newest)).toBe(10 / 3);
    expect(valueOf(windowOf('stddev', 1, 6), totals, newest)).toBe(3);
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
