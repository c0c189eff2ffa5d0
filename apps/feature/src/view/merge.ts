import type { Instant } from '@rhei/runtime';
import type { Step } from './steps';
import { countsAt, opening, rowOf, tileStart, type Entry, type Tile, type Totals, type ValueRow, type Window } from './window';

/**
 * The value rows of an aggregate that can only grow (a least, a most, a set of items): a tile serves as a whole where
 * nothing in it changes over the steps, single records where something does or where a window cuts it.
 * @param taken the tiles whose records are in `single`
 */
export function mergedRows(window: Window, steps: readonly Step[], taken: ReadonlySet<Instant>, tiles: readonly Tile[], single: readonly Entry[]): ValueRow[] {
  const whole = tiles.filter(({ start, n }) => n > 0 && !taken.has(start));
  return steps.map(({ knownAt, newest }) => rowOf(window, knownAt, newest, ({ eventTime: end }) => {
    const open = opening(window, end);
    const merged = new Merged(window);
    for (const tile of whole) if (tile.start > open && tile.start <= end) merged.take(tile);
    for (const entry of single) if (entry.eventTime > open && entry.eventTime <= end && countsAt(entry, knownAt)) merged.takeEntry(entry);
    return merged.totals();
  }));
}

/** What the remade tiles come to in the end, of the records that are never superseded. */
export function remadeTiles(window: Window, remade: readonly Instant[], single: readonly Entry[]): Pick<Tile, 'start' | 'least' | 'most' | 'items'>[] {
  const tiles = new Map(remade.map((start) => [start, new Merged(window)]));
  for (const entry of single) if (entry.until === undefined) tiles.get(tileStart(window, entry.eventTime))?.takeEntry(entry);
  return [...tiles].map(([start, merged]) => ({ start, ...merged.summary() }));
}

class Merged {
  private n = 0;
  private least?: bigint;
  private most?: bigint;
  private readonly items?: Set<string>;

  constructor({ aggregate }: Window) {
    if (aggregate === 'distinct') this.items = new Set();
  }

  take({ n, least, most, items }: Pick<Tile, 'n' | 'least' | 'most' | 'items'>): void {
    this.n += n;
    if (least !== undefined && (this.least === undefined || least < this.least)) this.least = least;
    if (most !== undefined && (this.most === undefined || most > this.most)) this.most = most;
    for (const item of items ?? []) this.items?.add(item);
  }

  takeEntry({ scaled, item }: Entry): void {
    this.take({ n: 1, least: scaled, most: scaled, items: item === undefined ? undefined : [item] });
  }

  totals(): Totals {
    return { n: this.n, sum: 0n, squares: 0n, below: 0n, least: this.least, most: this.most, distinct: this.items?.size ?? 0 };
  }

  /** Items in one order, whatever the order in which they came. */
  summary(): Pick<Tile, 'least' | 'most' | 'items'> {
    return { least: this.least, most: this.most, items: this.items && [...this.items].sort() };
  }
}
