import { placeOf, type Bucket } from './buckets';
import { psiOf, totalOf } from './psi';
import { quantileOfSorted } from './quantile';
import { pick, randomOf } from './random';

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
 * p = (1 + draws at least as large) / (1 + draws), which is never 0 (Davison and Hinkley, Bootstrap Methods, §4.2).
 * @throws RangeError when the reference is too short for the window, or bins do not match
 */
export function windowTest({ reference, window, cycle = 7, draws = 999, atLeast = 5, seed, name }: WindowTestOptions): WindowTest {
  const bins = checkBins(reference, window, name);
  const places = new Map<number, number[]>();
  reference.forEach(({ index }, at) => {
    const place = placeOf(index, cycle);
    places.set(place, [...(places.get(place) ?? []), at]);
  });
  const wanted = new Map<number, number>();
  for (const { index } of window) wanted.set(placeOf(index, cycle), (wanted.get(placeOf(index, cycle)) ?? 0) + 1);
  for (const [place, count] of wanted) {
    const have = places.get(place)?.length ?? 0;
    if (have < count + atLeast) {
      throw new RangeError(`Test "${name}": the window takes ${count} bucket(s) at place ${place} of the cycle of ${cycle}; the reference has ${have} there and needs ${count + atLeast}. Wait for a longer reference.`);
    }
  }
  const counts = new Float64Array(reference.length * bins);
  reference.forEach((bucket, at) => counts.set(bucket.counts, at * bins));
  const whole = sumOf(reference, bins);
  const total = totalOf(whole, 'reference');
  const actual = sumOf(window, bins);
  const statistic = psiOf(whole, total, actual, totalOf(actual, 'window'));

  const differences = new Float64Array(draws);
  const drawn = new Float64Array(bins);
  const rest = new Float64Array(bins);
  // Sorted, so that the order in which buckets were given decides nothing.
  const plan = [...wanted].sort(([a], [b]) => a - b).map(([place, count]) => ({
    count, from: Int32Array.from(places.get(place)!.sort((a, b) => reference[a].index - reference[b].index)),
  }));
  for (let draw = 0; draw < draws; draw++) {
    const random = randomOf(seed, `window-test ${name}`, draw);
    drawn.fill(0);
    for (const { count, from } of plan) addDistinct(random, count, from.slice(), counts, bins, drawn);
    let size = 0;
    for (let bin = 0; bin < bins; bin++) {
      rest[bin] = whole[bin] - drawn[bin];
      size += drawn[bin];
    }
    // A draw of empty buckets has no shares to compare; it counts as no difference.
    differences[draw] = size === 0 || size === total ? 0 : psiOf(rest, total - size, drawn, size);
  }
  // The same counts summed in another order may differ in the last bit; a tie is a tie.
  const bar = statistic * (1 - 1e-12);
  const asLarge = differences.reduce((sum, difference) => sum + (difference >= bar ? 1 : 0), 0);
  return { name, statistic, effect: statistic, pValue: (1 + asLarge) / (1 + draws), noise: quantileOfSorted(differences.sort(), 0.5), draws };
}

/** Draws that are enough for the smallest p-value to pass {@link benjaminiHochberg} when only one of `tests` differs. */
export const drawsFor = (tests: number, budget: number): number => Math.max(999, Math.ceil(tests / budget));

function addDistinct(random: () => number, count: number, from: Int32Array, counts: Float64Array, bins: number, into: Float64Array): void {
  for (let taken = 0; taken < count; taken++) {
    const at = taken + pick(random, from.length - taken);
    const bucket = from[at];
    from[at] = from[taken];
    for (let bin = 0; bin < bins; bin++) into[bin] += counts[bucket * bins + bin];
  }
}

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
