import type { Duration, Instant } from '@rhei/runtime';

export const aggregates = ['count', 'sum', 'avg', 'last'] as const;
export type Aggregate = (typeof aggregates)[number];

/** What a view computes over the records of one entity: an aggregate over the event times in (E − length, E]. */
export interface Window {
  aggregate: Aggregate;
  length: Duration;
  /** Width of a tile. Never wider than the window. */
  tile: Duration;
  /** Values are whole multiples of 10^−digits. */
  digits: number;
}

/** A record as a view keeps it. */
export interface Entry {
  eventTime: Instant;
  arrival: Instant;
  source: string;
  id: string;
  /** max(arrival, eventTime): from then on it may be used. */
  knownAt: Instant;
  /** The value as a whole multiple of the grid. */
  scaled: bigint;
}

/** What the records of one entity with event times in [start, start + width) add up to, in exact integers. */
export interface Tile {
  start: Instant;
  n: number;
  sum: bigint;
}

/** The value of one entity from `knownAt` until its next row. */
export interface ValueRow {
  knownAt: Instant;
  /** Event time of the newest record behind the value. */
  eventTime: Instant;
  /** Records behind the value. */
  n: number;
  value: number;
}

// Few enough that a window is summed in one short loop, many enough that the cut edge holds few records.
const TILES_PER_WINDOW = 64;

export function windowOf(aggregate: Aggregate, length: Duration, digits: number): Window {
  return { aggregate, length, tile: Math.ceil(length / TILES_PER_WINDOW), digits };
}

/** Start of the tile that holds the instant. */
export const tileStart = ({ tile }: Window, instant: Instant): Instant => Math.floor(instant / tile) * tile;

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

/** The value of a window whose records add up to (n, sum), the newest of them being `newest`. */
export function valueOf({ aggregate, digits }: Window, n: number, sum: bigint, newest: Entry): number {
  switch (aggregate) {
    case 'count': return n;
    case 'sum': return fromGrid(sum, 1, digits);
    case 'avg': return fromGrid(sum, n, digits);
    case 'last': return fromGrid(newest.scaled, 1, digits);
  }
}
