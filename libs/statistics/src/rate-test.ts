import { quantileOfSorted } from './quantile';
import { drawInto, pValueOf, resamplingOf, type Resampling } from './resample';
import type { WindowTest } from './window-test';

/** What one bucket adds up to, and what that is divided by: cases and rows of a rate, summed loss and rows of a loss, rows and 1 of a volume. */
export interface BucketSum {
  readonly index: number;
  readonly sum: number;
  readonly size: number;
}

export interface RateTestOptions {
  reference: readonly BucketSum[];
  window: readonly BucketSum[];
  cycle?: number;
  draws?: number;
  atLeast?: number;
  seed: number | string;
  name: string;
  /** `difference`: after − before, in the unit of the rate. `relative`: (after − before) / before. */
  measure: 'difference' | 'relative';
  /** `above`: only a rise counts (a loss); `both`: any change. */
  side?: 'both' | 'above';
}

export interface RateTest extends WindowTest {
  /** The rate of the reference at the places of the window, and that of the window. */
  before: number;
  after: number;
}

/**
 * {@link windowTest} for what has one figure per bucket: whether the rate of a window differs from that of the reference by more than
 * whole buckets at the same places of the cycle differ from each other. A draw takes the window's part from the buckets of both, so that the
 * test is exact where nothing has changed (Fisher's permutation test, by blocks): rates are skewed, and the tail of six weeks alone is too
 * thin, with a missing rate of 5 % it alarmed twice as often as it should.
 * Places count as often as the window has them, so that a reference with one Sunday more does not lower what is expected of a volume.
 * @throws RangeError when the reference is too short, one side has no rows, or a relative change has nothing to be relative to
 */
export function rateTest({ reference, window, cycle = 7, draws = 999, atLeast = 5, seed, name, measure, side = 'both' }: RateTestOptions): RateTest {
  const places = resamplingOf({ reference, window, cycle, atLeast, name });
  const change = (after: { sum: number; size: number }, before: { sum: number; size: number }): number => {
    // A draw without rows has no rate to compare; it counts as no difference.
    if (after.size === 0 || before.size === 0 || (measure === 'relative' && before.sum === 0)) return 0;
    const difference = measure === 'difference' ? after.sum / after.size - before.sum / before.size : after.sum / after.size / (before.sum / before.size) - 1;
    return side === 'both' ? Math.abs(difference) : difference;
  };
  const before = weighted(reference, places, undefined);
  const after = total(window, window.map((_, at) => at));
  if (before.size === 0) throw new RangeError(`Test "${name}": the reference has no rows.`);
  if (after.size === 0) throw new RangeError(`Test "${name}": the window has no rows.`);
  if (measure === 'relative' && before.sum === 0) throw new RangeError(`Test "${name}": the reference adds up to 0, and no change is relative to that.`);
  const statistic = change(after, before);

  const pool = [...reference, ...window];
  const resampling = resamplingOf({ reference: pool, window, cycle, atLeast: 0, name });
  const differences = new Float64Array(draws);
  const taken = new Int32Array(resampling.size);
  for (let draw = 0; draw < draws; draw++) {
    drawInto(taken, resampling, seed, name, draw);
    differences[draw] = change(total(pool, taken), weighted(pool, resampling, taken));
  }
  return {
    name, statistic, effect: statistic, before: before.sum / before.size, after: after.sum / after.size,
    pValue: pValueOf(statistic, differences), noise: quantileOfSorted(differences.sort(), 0.5), draws,
  };
}

/** Sums per bucket of time, in its order; a bucket without rows does not appear. `size` is of a bucket, in the unit of `instants`. */
export function bucketSums(instants: ArrayLike<number>, values: ArrayLike<number>, size: number): BucketSum[] {
  const buckets = new Map<number, { sum: number; size: number }>();
  for (let row = 0; row < values.length; row++) {
    const index = Math.floor(instants[row] / size);
    const known = buckets.get(index);
    if (known) {
      known.sum += values[row];
      known.size += 1;
    } else buckets.set(index, { sum: values[row], size: 1 });
  }
  return [...buckets].sort(([a], [b]) => a - b).map(([index, sums]) => ({ index, ...sums }));
}

function total(buckets: readonly BucketSum[], taken: ArrayLike<number>): { sum: number; size: number } {
  let sum = 0, size = 0;
  for (let at = 0; at < taken.length; at++) {
    sum += buckets[taken[at]].sum;
    size += buckets[taken[at]].size;
  }
  return { sum, size };
}

/** The mean bucket at each place of the window, as often as the window has that place; without the buckets of a draw when one is given. */
function weighted(buckets: readonly BucketSum[], { places }: Resampling, drawn: Int32Array | undefined): { sum: number; size: number } {
  let sum = 0, size = 0, next = 0;
  for (const { count, from } of places) {
    let placeSum = 0, placeSize = 0;
    for (const bucket of from) {
      placeSum += buckets[bucket].sum;
      placeSize += buckets[bucket].size;
    }
    if (drawn) {
      for (let taken = 0; taken < count; taken++) {
        const bucket = buckets[drawn[next++]];
        placeSum -= bucket.sum;
        placeSize -= bucket.size;
      }
    }
    const left = from.length - (drawn ? count : 0);
    if (left === 0) continue;
    const share = count / left;
    sum += placeSum * share;
    size += placeSize * share;
  }
  return { sum, size };
}
