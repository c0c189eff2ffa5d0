import type { Duration, Instant } from '@rhei/runtime';

export const aggregates = ['count', 'sum', 'avg', 'min', 'max', 'last', 'stddev', 'ratio', 'distinct'] as const;
export type Aggregate = (typeof aggregates)[number];

/** Aggregates whose tiles cannot be taken apart again: the tiles that change are made anew from their records. */
const merging: readonly Aggregate[] = ['min', 'max', 'distinct'];
export const merges = ({ aggregate }: Pick<Window, 'aggregate'>): boolean => merging.includes(aggregate);

/** What a view computes over the records of one entity: an aggregate over the event times in ({@link opening}, newest]. */
export interface Window {
  aggregate: Aggregate;
  /** Undefined: since ever. */
  length: Duration | undefined;
  /** The start of the window moves on the grid of this; undefined: it slides. */
  hop: Duration | undefined;
  /** Width of a tile. Never wider than the window. */
  tile: Duration;
  /** Values are whole multiples of 10^−digits. */
  digits: number;
}

/** A record as a view keeps it. It counts over [knownAt, until). */
export interface Entry {
  eventTime: Instant;
  arrival: Instant;
  source: string;
  id: string;
  /** max(arrival, eventTime): from then on it may be used. */
  knownAt: Instant;
  /** From then on a later revision of its fact stands in its place. Never known at all when not after `knownAt`. */
  until?: Instant;
  /** The value as a whole multiple of the grid. */
  scaled: bigint;
  /** What a ratio divides by, as a whole multiple of the grid. */
  below?: bigint;
  /** What `distinct` counts: a text or a number as JSON. */
  item?: string;
}

/** Whether the record counts at an instant. */
export const countsAt = ({ knownAt, until }: Entry, at: Instant): boolean => knownAt <= at && (until === undefined || until > at);

/**
 * What the records of one entity with event times in [start, start + width) come to, of those that no later revision has
 * superseded: sums are exact integers.
 */
export interface Tile {
  start: Instant;
  n: number;
  sum: bigint;
  squares: bigint;
  below: bigint;
  /** Of {@link merges} only, and absent in a tile without records. */
  least?: bigint;
  most?: bigint;
  items?: string[];
}

/** The value of one entity from `knownAt` until its next row. */
export interface ValueRow {
  knownAt: Instant;
  /** Event time of the newest record behind the value; 0 where there is none. */
  eventTime: Instant;
  /** Records behind the value; 0: the entity has lost all that it had. */
  n: number;
  /** Null without records, and for a ratio with nothing below. */
  value: number | null;
}

// Few enough that a window is summed in one short loop, many enough that the cut edge holds few records.
const TILES_PER_WINDOW = 64;
/** What can be taken apart needs one tile for all time; else a tile is what a late record makes anew. */
const EVER = Number.MAX_SAFE_INTEGER;
const DAY: Duration = 86_400_000_000;

export function windowOf(aggregate: Aggregate, length: Duration | undefined, digits: number, hop?: Duration): Window {
  const forEver = merges({ aggregate }) ? DAY : EVER;
  return { aggregate, length, hop, tile: length === undefined ? forEver : Math.ceil(length / TILES_PER_WINDOW), digits };
}

/** Start of the tile that holds the instant. */
export const tileStart = ({ tile }: Window, instant: Instant): Instant => Math.floor(instant / tile) * tile;

/**
 * Where the window opens whose newest record happened at `newest`: event times after it are in. Without a hop that is
 * newest − length; with one the first point of its grid that is not before `newest` stands in the place of `newest`, so
 * the window opens at the same instant while the newest record stays between two points.
 */
export function opening({ length, hop }: Pick<Window, 'length' | 'hop'>, newest: Instant): Instant {
  if (length === undefined) return -Infinity;
  // Remainders are exact where quotients of large instants are not.
  const ahead = hop === undefined ? 0 : (hop - (((newest % hop) + hop) % hop)) % hop;
  return newest + ahead - length;
}

/** The total order of an entity's records: (event time, arrival, source, id); texts by their bytes, as the database does. */
export function compareEntries(a: Entry, b: Entry): number {
  return a.eventTime - b.eventTime || a.arrival - b.arrival || compareText(a.source, b.source) || compareText(a.id, b.id);
}

/** By UTF-8 bytes, as the collation "C" orders them; `<` would put an emoji before U+FB33. */
export function compareText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const largest = 9e18;

/** The value on the decimal grid, halves upwards; undefined where it is not finite or wider than 63 bits. */
export function toGrid(value: number, digits: number): bigint | undefined {
  const scaled = Math.round(digits >= 0 ? value * 10 ** digits : value / 10 ** -digits);
  return Number.isFinite(scaled) && Math.abs(scaled) <= largest ? BigInt(scaled) : undefined;
}

/** `sum / n` as a number. Correctly rounded while both sides fit into 53 bits, and in every case the same for the same integers. */
export function fromGrid(sum: bigint, n: number, digits: number): number {
  return digits >= 0 ? Number(sum) / (n * 10 ** digits) : Number(sum * 10n ** BigInt(-digits)) / n;
}

/** What the records in a window come to. */
export type Totals = Pick<Tile, 'n' | 'sum' | 'squares' | 'below' | 'least' | 'most'> & { distinct: number };

/** Of the population: √(n·Σx² − (Σx)²) / n, whose root is taken of an exact integer. */
const deviation = (n: number, sum: bigint, squares: bigint, digits: number): number =>
  (digits >= 0 ? Math.sqrt(Number(BigInt(n) * squares - sum * sum)) / (n * 10 ** digits) : (Math.sqrt(Number(BigInt(n) * squares - sum * sum)) * 10 ** -digits) / n);

/** The value of a window that holds at least one record, the newest of them being `newest`. */
export function valueOf({ aggregate, digits }: Pick<Window, 'aggregate' | 'digits'>, { n, sum, squares, below, least, most, distinct }: Totals, newest: Entry): number | null {
  switch (aggregate) {
    case 'count': return n;
    case 'sum': return fromGrid(sum, 1, digits);
    case 'avg': return fromGrid(sum, n, digits);
    case 'min': return fromGrid(least!, 1, digits);
    case 'max': return fromGrid(most!, 1, digits);
    case 'last': return fromGrid(newest.scaled, 1, digits);
    case 'stddev': return deviation(n, sum, squares, digits);
    // Both sums stand on one grid, so it cancels. Nothing over less than nothing is 0, not −0, which no row keeps.
    case 'ratio': return below === 0n ? null : sum === 0n ? 0 : Number(sum) / Number(below);
    case 'distinct': return distinct;
  }
}

/** The row of a step: without a record that counts it says that there is nothing. */
export function rowOf(window: Window, knownAt: Instant, newest: Entry | undefined, totals: (newest: Entry) => Totals): ValueRow {
  if (newest === undefined) return { knownAt, eventTime: 0, n: 0, value: null };
  const found = totals(newest);
  return { knownAt, eventTime: newest.eventTime, n: found.n, value: valueOf(window, found, newest) };
}
