import type { Bucket } from './buckets';
import { psiOf, totalOf } from './psi';
import { quantileOfSorted } from './quantile';
import { drawInto, pValueOf, resamplingOf } from './resample';

export interface WindowTestOptions {
  reference: readonly Bucket[];
  window: readonly Bucket[];
  /** How many buckets until the pattern repeats: 7 days. */
  cycle?: number;
  /** How often the reference is resampled; see {@link drawsFor}. */
  draws?: number;
  /** How many buckets the reference must hold at each place of the window, beyond those that a draw takes. */
  atLeast?: number;
  seed: number | string;
  /** What is tested; each name has its own draws. */
  name: string;
}

export interface WindowTest {
  name: string;
  /** PSI of the whole window against the whole reference. */
  statistic: number;
  /** What is compared with the floor of what is worth acting on: the PSI. */
  effect: number;
  /** The share of the draws, the window counted among them, that differ at least as much. */
  pValue: number;
  /** The PSI that half of the draws reach although nothing has changed. */
  noise: number;
  draws: number;
}

/**
 * Whether a window of whole buckets differs from the reference by more than buckets of the reference differ from each other.
 *
 * Rows of one day share that day's weather, so a test that takes each row as evidence of its own alarms always. Here the distribution of the
 * statistic comes from draws of as many whole reference buckets, at the same places in the cycle, each compared with the reference without them.
 * @throws RangeError when the reference is too short for the window, or bins do not match
 */
export function windowTest({ reference, window, cycle = 7, draws = 999, atLeast = 5, seed, name }: WindowTestOptions): WindowTest {
  const bins = checkBins(reference, window, name);
  const resampling = resamplingOf({ reference, window, cycle, atLeast, name });
  const counts = new Float64Array(reference.length * bins);
  reference.forEach((bucket, at) => counts.set(bucket.counts, at * bins));
  const whole = sumOf(reference, bins);
  const total = totalOf(whole, 'reference');
  const actual = sumOf(window, bins);
  const statistic = psiOf(whole, total, actual, totalOf(actual, 'window'));

  const differences = new Float64Array(draws);
  const taken = new Int32Array(resampling.size);
  const drawn = new Float64Array(bins);
  const rest = new Float64Array(bins);
  for (let draw = 0; draw < draws; draw++) {
    drawInto(taken, resampling, seed, name, draw);
    drawn.fill(0);
    for (const bucket of taken) for (let bin = 0; bin < bins; bin++) drawn[bin] += counts[bucket * bins + bin];
    let size = 0;
    for (let bin = 0; bin < bins; bin++) {
      rest[bin] = whole[bin] - drawn[bin];
      size += drawn[bin];
    }
    // A draw of empty buckets has no shares to compare; it counts as no difference.
    differences[draw] = size === 0 || size === total ? 0 : psiOf(rest, total - size, drawn, size);
  }
  return { name, statistic, effect: statistic, pValue: pValueOf(statistic, differences), noise: quantileOfSorted(differences.sort(), 0.5), draws };
}

/** Draws that are enough for the smallest p-value to pass {@link benjaminiHochberg} when only one of `tests` differs. */
export const drawsFor = (tests: number, budget: number): number => Math.max(999, Math.ceil(tests / budget));

function checkBins(reference: readonly Bucket[], window: readonly Bucket[], name: string): number {
  if (window.length === 0) throw new RangeError(`Test "${name}": the window has no buckets.`);
  const bins = window[0].counts.length;
  const other = [...reference, ...window].find(({ counts }) => counts.length !== bins);
  if (other) throw new RangeError(`Test "${name}": bucket ${other.index} has ${other.counts.length} bins and bucket ${window[0].index} has ${bins}; count both with the same binning.`);
  return bins;
}

function sumOf(buckets: readonly Bucket[], bins: number): Float64Array {
  const sum = new Float64Array(bins);
  for (const { counts } of buckets) for (let bin = 0; bin < bins; bin++) sum[bin] += counts[bin];
  return sum;
}
