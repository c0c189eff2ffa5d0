import { binsOf, sizeOf, type Binning, type Value } from './histogram';

/** The counts of one bucket of time, a day for instance. */
export interface Bucket {
  /** Its number on the time axis: days since the epoch. Its place in the cycle is this number modulo the cycle (7: the weekday). */
  readonly index: number;
  readonly counts: readonly number[];
}

/** What a window is compared with: a histogram per bucket. Plain data, so that it can be kept with a model and sent. */
export interface BucketedReference {
  readonly binning: Binning;
  readonly buckets: readonly Bucket[];
}

/**
 * Counts values per bucket of time, in the order of time. A bucket without rows does not appear.
 * @param size of a bucket, in the unit of `instants`
 */
export function bucketsOf(instants: ArrayLike<number>, values: ArrayLike<Value>, binning: Binning, size: number): Bucket[] {
  if (instants.length !== values.length) throw new RangeError(`Each value needs an instant; got ${values.length} values and ${instants.length} instants.`);
  const bins = binsOf(values, binning);
  const buckets = new Map<number, number[]>();
  let last = Number.NaN;
  let counts: number[] = [];
  for (let row = 0; row < values.length; row++) {
    const index = Math.floor(instants[row] / size);
    // Rows come by time, mostly: the bucket is that of the row before.
    if (index !== last) {
      last = index;
      counts = buckets.get(index) ?? new Array<number>(sizeOf(binning)).fill(0);
      buckets.set(index, counts);
    }
    counts[bins[row]]++;
  }
  return [...buckets].sort(([a], [b]) => a - b).map(([index, counted]) => ({ index, counts: counted }));
}

/** The place of a bucket in its cycle, 0 to `cycle` - 1; also for buckets before the epoch. */
export const placeOf = (index: number, cycle: number): number => ((index % cycle) + cycle) % cycle;

/** All buckets of a span, by their numbers: one in which nothing happened adds `empty`, it is not missing. */
export function withEmptyBuckets<B extends { readonly index: number }>(buckets: readonly B[], from: number, to: number, empty: (index: number) => B): B[] {
  const known = new Map(buckets.map((bucket) => [bucket.index, bucket]));
  for (let index = from; index < to; index++) if (!known.has(index)) known.set(index, empty(index));
  return [...known.values()].sort((a, b) => a.index - b.index);
}
