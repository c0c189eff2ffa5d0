import type { Instant } from '@rhei/runtime';
import { mergedRows } from './merge';
import type { Known, Step } from './steps';
import { countsAt, merges, opening, rowOf, tileStart, type Entry, type Tile, type Totals, type ValueRow, type Window } from './window';

/** What the steps read: all tiles from `from` on, and the single records of some tiles. */
export interface Reads {
  from: Instant;
  /** Nothing changes over the steps inside of a tile, so that all tiles may come added up as one, which has the least start. */
  together: boolean;
  single: Instant[];
  /** Tiles that are made anew from their records, which are among the single ones. */
  remade: Instant[];
}

export function reads(window: Window, steps: readonly Step[], { later, ending, touched }: Pick<Known, 'later' | 'ending' | 'touched'>): Reads {
  const opened = steps.flatMap(({ newest }) => (newest === undefined ? [] : [opening(window, newest.eventTime)]));
  const cut = window.length === undefined ? [] : opened.map((instant) => tileStart(window, instant));
  const remade = merges(window) ? [...new Set([...later.map(({ eventTime }) => eventTime), ...ending.map(({ eventTime }) => eventTime), ...touched].map((instant) => tileStart(window, instant)))] : [];
  const together = !merges(window) && steps.length === 1 && later.length === 0 && ending.length === 0;
  // The cut tile itself is read as single records.
  const from = window.length === undefined && opened.length > 0 ? -Infinity : Math.min(...cut) + (together ? window.tile : 0);
  return { from, together, single: [...new Set([...cut, ...remade])], remade };
}

/**
 * The value rows of one entity at every step, as a scan over all records would give them.
 * @param tiles of all records that are never superseded, from `reads().from` on
 * @param single the records of the tiles in `reads().single`, superseded ones included
 */
export function restate(window: Window, steps: readonly Step[], known: Known, tiles: readonly Tile[], single: readonly Entry[]): ValueRow[] {
  // The last value needs nothing but the newest record, so its tiles are not even read.
  if (window.aggregate === 'last') return steps.map(({ knownAt, newest }) => rowOf(window, knownAt, newest, () => ({ ...nothing, n: 1 })));
  if (merges(window)) return mergedRows(window, steps, new Set(reads(window, steps, known).single), tiles, single);
  return summedRows(window, steps, known, tiles, single);
}

const nothing: Totals = { n: 0, sum: 0n, squares: 0n, below: 0n, distinct: 0 };

type Sums = Omit<Tile, 'start' | 'least' | 'most' | 'items'>;

function summedRows(window: Window, steps: readonly Step[], known: Known, tiles: readonly Tile[], single: readonly Entry[]): ValueRow[] {
  const { later, ending } = known;
  const sums = new Map<Instant, Sums>(tiles.map((tile) => [tile.start, tile]));
  const { from } = reads(window, steps, known);
  const add = (entry: Entry, sign: 1 | -1): void => {
    const start = tileStart(window, entry.eventTime);
    if (start < from) return;
    sums.set(start, added(window, sums.get(start) ?? nothing, entry, sign));
  };
  // Back to the first instant: the sums are exact integers, so taking away leaves what was there.
  for (const entry of later) if (entry.until === undefined) add(entry, -1);
  for (const entry of ending) add(entry, 1);
  return steps.map(({ knownAt, newest, begin, end }) => {
    for (const entry of begin) add(entry, 1);
    for (const entry of end) add(entry, -1);
    return rowOf(window, knownAt, newest, ({ eventTime }) => inWindow(window, eventTime, knownAt, sums, single));
  });
}

/** Only what the aggregate reads is kept up: products of large integers cost. */
function added({ aggregate }: Window, { n, sum, squares, below }: Sums, entry: Entry, sign: 1 | -1): Sums {
  const by = BigInt(sign);
  return {
    n: n + sign, sum: sum + by * entry.scaled,
    squares: aggregate === 'stddev' ? squares + by * entry.scaled * entry.scaled : squares,
    below: aggregate === 'ratio' ? below + by * entry.below! : below,
  };
}

/** Tiles serve what lies inside of the window as a whole, single records the tile that it cuts. Nothing known is newer than `end`. */
function inWindow(window: Window, end: Instant, knownAt: Instant, sums: ReadonlyMap<Instant, Sums>, single: readonly Entry[]): Totals {
  let [n, sum, squares, below] = [0, 0n, 0n, 0n];
  const take = (part: Sums): void => {
    n += part.n;
    sum += part.sum;
    squares += part.squares;
    below += part.below;
  };
  if (window.length === undefined) {
    for (const tile of sums.values()) take(tile);
  } else {
    const open = opening(window, end);
    const cut = tileStart(window, open);
    for (let start = cut + window.tile; start <= end; start += window.tile) {
      const tile = sums.get(start);
      if (tile !== undefined) take(tile);
    }
    for (const entry of single) {
      if (entry.eventTime > open && entry.eventTime < cut + window.tile && countsAt(entry, knownAt)) take(added(window, nothing, entry, 1));
    }
  }
  return { n, sum, squares, below, distinct: 0 };
}
