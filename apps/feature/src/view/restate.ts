import type { Instant } from '@rhei/runtime';
import { compareEntries, tileStart, valueOf, type Entry, type Tile, type ValueRow, type Window } from './window';

/** An instant from which the value may differ from what it was before, and the newest record by then. */
export interface Step {
  knownAt: Instant;
  newest: Entry;
}

/**
 * The instants at which the value of one entity has to be computed again.
 * @param before the newest record, by the total order, of those known before the first of `later`
 * @param later every record known at the earliest new one's `knownAt` or after it, the new ones included
 */
export function stepsOf(before: Entry | undefined, later: readonly Entry[]): Step[] {
  const steps: Step[] = [];
  let newest = before;
  for (const entry of [...later].sort((a, b) => a.knownAt - b.knownAt)) {
    if (newest === undefined || compareEntries(entry, newest) > 0) newest = entry;
    const last = steps.at(-1);
    // What becomes known at one instant shows as one change.
    if (last?.knownAt === entry.knownAt) last.newest = newest;
    else steps.push({ knownAt: entry.knownAt, newest });
  }
  return steps;
}

/** What the steps read: all tiles from `from` on, and the single records of the tiles that a window cuts. */
export function reads(window: Window, steps: readonly Step[]): { from: Instant; cut: Instant[] } {
  const cut = new Set(steps.map(({ newest }) => tileStart(window, newest.eventTime - window.length)));
  return { from: Math.min(...cut), cut: [...cut] };
}

/**
 * The value rows of one entity at every step, as a scan over all records would give them.
 * @param later as for {@link stepsOf}
 * @param tiles of *all* records, those of `later` included, from `reads().from` on
 * @param single the records of the tiles in `reads().cut`
 */
export function restate(window: Window, steps: readonly Step[], later: readonly Entry[], tiles: readonly Tile[], single: readonly Entry[]): ValueRow[] {
  // The last value needs nothing but the newest record, so its tiles are not even read.
  if (window.aggregate === 'last') return steps.map(({ knownAt, newest }) => ({ knownAt, eventTime: newest.eventTime, n: 1, value: valueOf(window, 1, newest.scaled, newest) }));
  const sums = new Map(tiles.map(({ start, n, sum }) => [start, { n, sum }]));
  const { from } = reads(window, steps);
  const add = (entry: Entry, sign: 1 | -1): void => {
    const start = tileStart(window, entry.eventTime);
    if (start < from) return;
    const tile = sums.get(start) ?? { n: 0, sum: 0n };
    sums.set(start, { n: tile.n + sign, sum: tile.sum + BigInt(sign) * entry.scaled });
  };
  // Back to before the first step: the sums are exact integers, so taking away leaves what was there.
  later.forEach((entry) => add(entry, -1));
  const waiting = [...later].sort((a, b) => b.knownAt - a.knownAt);
  return steps.map(({ knownAt, newest }) => {
    while (waiting.length > 0 && waiting.at(-1)!.knownAt <= knownAt) add(waiting.pop()!, 1);
    const { n, sum } = inWindow(window, newest.eventTime, knownAt, sums, single);
    return { knownAt, eventTime: newest.eventTime, n, value: valueOf(window, n, sum, newest) };
  });
}

/** Tiles serve what lies inside of the window as a whole, single records the tile that it cuts. Nothing known is newer than `end`. */
function inWindow(window: Window, end: Instant, knownAt: Instant, sums: ReadonlyMap<Instant, { n: number; sum: bigint }>, single: readonly Entry[]): { n: number; sum: bigint } {
  const open = end - window.length;
  const cut = tileStart(window, open);
  let n = 0;
  let sum = 0n;
  for (let start = cut + window.tile; start <= end; start += window.tile) {
    const tile = sums.get(start);
    if (tile === undefined) continue;
    n += tile.n;
    sum += tile.sum;
  }
  for (const entry of single) {
    if (entry.eventTime <= open || entry.eventTime >= cut + window.tile || entry.knownAt > knownAt) continue;
    n += 1;
    sum += entry.scaled;
  }
  return { n, sum };
}
