import fc from 'fast-check';
import { compareRevisions, type Revision } from '../src/record/fact';
import { aggregates, compareEntries, fromGrid, toGrid, windowOf, type Aggregate, type Entry, type ValueRow, type Window } from '../src/view/window';

/** A record as an upstream system may send it: of an entity and perhaps a fact, a correction, or a withdrawal. */
export interface Sent extends Revision {
  source: string;
  entity: string;
  /** Empty: a fact of its own. */
  identity: string;
  /** What the filter lets through. */
  counted: boolean;
  scaled: bigint;
  below: bigint;
  item: string;
}

/** The naive scan: every record that is known, of each fact the highest, looked at one by one. */
export function scan(window: Window, sent: readonly Sent[], entity: string, at: number): ValueRow | undefined {
  const known = sent.filter(({ knownAt }) => knownAt <= at);
  const highest = known.filter((one) => one.identity === '' || !known.some((other) => other.source === one.source && other.identity === one.identity && compareRevisions(other, one) > 0));
  const standing = highest.filter((one) => one.counted && !one.withdrawn && one.entity === entity).sort(compareEntries);
  const newest = standing.at(-1);
  if (newest === undefined) return undefined;
  const { length, hop, aggregate, digits } = window;
  let end = newest.eventTime;
  if (hop !== undefined) while (end % hop !== 0) end += 1;
  const inside = length === undefined ? standing : standing.filter(({ eventTime }) => eventTime > end - length);
  const n = BigInt(inside.length);
  const total = (term: (one: Sent) => bigint): bigint => inside.reduce((sum, one) => sum + term(one), 0n);
  const sum = total(({ scaled }) => scaled);
  const sorted = inside.map(({ scaled }) => scaled).sort((a, b) => (a < b ? -1 : Number(a > b)));
  const values: Record<Aggregate, () => number | null> = {
    count: () => inside.length, sum: () => fromGrid(sum, 1, digits), avg: () => fromGrid(sum, inside.length, digits), last: () => fromGrid(newest.scaled, 1, digits),
    min: () => fromGrid(sorted[0], 1, digits), max: () => fromGrid(sorted.at(-1)!, 1, digits),
    stddev: () => Math.sqrt(Number(n * total(({ scaled }) => scaled * scaled) - sum * sum)) / (inside.length * 10 ** digits),
    ratio: () => (total(({ below }) => below) === 0n ? null : sum === 0n ? 0 : Number(sum) / Number(total(({ below }) => below))),
    distinct: () => new Set(inside.map(({ item }) => item)).size,
  };
  return { knownAt: at, eventTime: newest.eventTime, n: aggregate === 'last' ? 1 : inside.length, value: values[aggregate]() };
}

const draft = fc.record({
  eventTime: fc.integer({ min: -50, max: 400 }), delay: fc.integer({ min: -5, max: 300 }), source: fc.constantFrom('a', 'b'), value: fc.double({ min: -1e9, max: 1e9, noNaN: true }),
  entity: fc.constantFrom('x', 'x', 'y'), fact: fc.integer({ min: -4, max: 5 }), revision: fc.integer({ min: 1, max: 3 }), withdrawn: fc.boolean(), counted: fc.integer({ min: 0, max: 5 }),
  below: fc.integer({ min: -2, max: 2 }), item: fc.constantFrom('"p"', '"q"', '1', '2'),
});

/** Records in any order of arrival: some facts of their own, some revised, moved to another entity or taken back. */
export const someSent = (most: number): fc.Arbitrary<Sent[]> => fc.array(draft, { minLength: 1, maxLength: most }).map((drafts) => drafts.map((one, index): Sent => {
  const arrival = one.eventTime + one.delay;
  const identity = one.fact < 0 ? '' : `f${one.fact}`;
  return {
    eventTime: one.eventTime, arrival, source: one.source, id: `${index}`, knownAt: Math.max(arrival, one.eventTime), entity: one.entity, identity,
    revision: one.revision, withdrawn: identity !== '' && one.withdrawn && one.revision > 1, counted: one.counted > 0,
    scaled: toGrid(one.value, 6)!, below: BigInt(one.below), item: one.item,
  };
}));

export const aWindow: fc.Arbitrary<Window> = fc.record({
  aggregate: fc.constantFrom<Aggregate>(...aggregates), length: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined, freq: 5 }), hop: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined, freq: 3 }),
  tile: fc.integer({ min: 1, max: 200 }),
}).map(({ aggregate, length, hop, tile }): Window => {
  const window = windowOf(aggregate, length, 6, length === undefined || hop === undefined ? undefined : Math.min(hop, length));
  return { ...window, tile: length === undefined ? window.tile : Math.min(tile, length) };
});

export const entryOfSent = ({ eventTime, arrival, source, id, knownAt, scaled, below, item }: Sent): Entry => ({ eventTime, arrival, source, id, knownAt, scaled, below, item });
