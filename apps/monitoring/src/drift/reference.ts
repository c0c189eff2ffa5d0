import { formatInstant } from '@rhei/expressions';
import type { Duration, Instant } from '@rhei/runtime';
import {
  bucketsOf, bucketSums, categoricalBinning, numericBinning, sizeOf, withEmptyBuckets, type Binning, type Bucket, type BucketSum, type Value,
} from '@rhei/statistics';
import type { Window } from '../window/window';
import type { Row } from './row';
import { isMissing, type Watched } from './watched';

/** How the watched values were distributed before a version was trained, as the version brought it. */
export interface Profile {
  version: number;
  bucket: Duration;
  from: Instant;
  to: Instant;
  series: { name: string; origin: string; binning: Binning; buckets: { start: Instant; counts: number[] }[] }[];
}

/** Rows of several spans, each of whole buckets. */
export interface Rows {
  rows: readonly Row[];
  spans: readonly Window[];
}

/** Why something cannot be compared. */
export interface Obstacle { why: string }
export const isObstacle = (thing: object): thing is Obstacle => 'why' in thing;

/** Counts of one watched thing, bucket by bucket. */
export interface Counted { binning: Binning; buckets: Bucket[] }

type Distribution = Extract<Watched, { kind: 'distribution' }>;
type Figure = Exclude<Watched, { kind: 'distribution' }>;

/** The values of rows, counted per bucket under a binning that is given, or that is made from them. */
export function countRows(watched: Distribution, { rows, spans }: Rows, bucket: Duration, known?: Binning): Counted {
  const counted = rows.flatMap((row) => {
    const of = watched.of(row);
    return of === undefined ? [] : [{ at: row.at, value: of.value }];
  });
  const values = counted.map(({ value }) => value);
  const binning = known ?? binningOf(watched.name, values);
  const buckets = bucketsOf(counted.map(({ at }) => at), values, binning, bucket);
  return { binning, buckets: spans.reduce((filled, span) => filledUp(filled, span, bucket, (index): Bucket => ({ index, counts: new Array<number>(sizeOf(binning)).fill(0) })), buckets) };
}

/** One figure per bucket from rows: rows and 1 of a volume, a sum and the rows behind it of a rate. */
export function sumRows(watched: Figure, { rows, spans }: Rows, bucket: Duration): BucketSum[] {
  if (watched.kind === 'volume') {
    const volumes = bucketSums(rows.map(({ at }) => at), rows.map(() => 1), bucket).map(({ index, sum }) => ({ index, sum, size: 1 }));
    return spans.reduce((filled, span) => filledUp(filled, span, bucket, (index): BucketSum => ({ index, sum: 0, size: 1 })), volumes);
  }
  const counted = rows.flatMap((row) => {
    const of = watched.of(row);
    return of === undefined ? [] : [{ at: row.at, of }];
  });
  const sums = bucketSums(counted.map(({ at }) => at), counted.map(({ of }) => of), bucket);
  return spans.reduce((filled, span) => filledUp(filled, span, bucket, (index): BucketSum => ({ index, sum: 0, size: 0 })), sums);
}

/** The counts that a profile holds of a request field or of the outcome. */
export function countProfile(name: string, profile: Profile): Counted | Obstacle {
  const series = seriesOf(name, profile);
  if (!series) return { why: `the reference of version ${profile.version} does not hold it` };
  const { binning } = series;
  const buckets = series.buckets.map(({ start, counts }) => ({ index: Math.floor(start / profile.bucket), counts }));
  return { binning, buckets: filledUp(buckets, profile, profile.bucket, (index) => ({ index, counts: new Array<number>(sizeOf(binning)).fill(0) })) };
}

/** The volume, or the missing rate of a request field, that a profile's counts add up to. */
export function sumProfile(watched: Figure, profile: Profile): BucketSum[] | Obstacle {
  const field = watched.kind === 'volume' ? 'outcome' : watched.name.replace(/^missing\./, 'request.');
  const counted = countProfile(field, profile);
  if (isObstacle(counted)) return counted;
  return counted.buckets.map(({ index, counts }) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    return watched.kind === 'volume' ? { index, sum: total, size: 1 } : { index, sum: counts[counts.length - 1], size: total };
  });
}

const seriesOf = (name: string, { series }: Profile) =>
  series.find((each) => (name === 'outcome' ? each.origin === 'outcome' : each.origin === 'request' && (each.name === name || `request.${each.name}` === name)));

function binningOf(name: string, values: readonly Value[]): Binning {
  if (name === 'outcome') return { kind: 'categorical', categories: ['0', '1'] };
  const present = values.filter((value) => !isMissing(value));
  return present.every((value) => typeof value === 'number') ? numericBinning(values) : categoricalBinning(values);
}

const filledUp = <B extends { readonly index: number }>(buckets: readonly B[], span: Window, size: Duration, empty: (index: number) => B): B[] =>
  withEmptyBuckets(buckets, Math.ceil(span.from / size), Math.floor(span.to / size), empty);

/** A window that is closed. */
export interface PastWindow extends Window { alarm: boolean; decidedAt: Instant }

/**
 * The windows that a moving reference takes: the last `reference` of the same length that closed before this one without an alarm, and
 * began after the last change that the live version has learnt. That is the newest window with an alarm that was decided by the
 * version's as-of: what came before it is another world, to which nothing should return; what came after it is the new one.
 * An alarm that no version has learnt yet changes nothing: later windows are still held against the world before it.
 */
export function quietWindows(past: readonly PastWindow[], window: Window, { reference, learntUntil }: { reference: number; learntUntil: Instant }): Window[] | Obstacle {
  const before = past.filter(({ from, to }) => to <= window.from && to - from === window.to - window.from);
  const change = before.findLast(({ alarm, decidedAt }) => alarm && decidedAt <= learntUntil);
  const quiet = before.filter(({ alarm, from }) => !alarm && (change === undefined || from > change.from)).slice(-reference);
  if (quiet.length === reference) return quiet.map(({ from, to }) => ({ from, to }));
  const since = change === undefined ? '' : ` since the change in the window of ${formatInstant(change.from)}, which the live version has learnt`;
  return { why: `the moving reference takes ${reference} windows without an alarm${since}; there are ${quiet.length}` };
}
