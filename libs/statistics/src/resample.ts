import { placeOf } from './buckets';
import { pick, randomOf } from './random';

/** Which buckets of a reference may stand for those of a window: as many, at the same places of the cycle. */
export interface Resampling {
  /** How many buckets one draw takes. */
  readonly size: number;
  /** By place, in the order of places: how many are taken there, and from which buckets (positions in the reference, by time). */
  readonly places: readonly { readonly place: number; readonly count: number; readonly from: Int32Array }[];
}

export interface ResamplingOptions {
  reference: readonly { readonly index: number }[];
  window: readonly { readonly index: number }[];
  cycle: number;
  /** How many buckets the reference must hold at each place of the window, beyond those that a draw takes. */
  atLeast: number;
  name: string;
}

/**
 * Prepares draws of whole reference buckets in place of a window's.
 * @throws RangeError when the window is empty or the reference too short for it
 */
export function resamplingOf({ reference, window, cycle, atLeast, name }: ResamplingOptions): Resampling {
  if (window.length === 0) throw new RangeError(`Test "${name}": the window has no buckets.`);
  const places = new Map<number, number[]>();
  reference.forEach(({ index }, at) => {
    const place = placeOf(index, cycle);
    const known = places.get(place);
    if (known) known.push(at);
    else places.set(place, [at]);
  });
  const wanted = new Map<number, number>();
  for (const { index } of window) wanted.set(placeOf(index, cycle), (wanted.get(placeOf(index, cycle)) ?? 0) + 1);
  for (const [place, count] of wanted) {
    const have = places.get(place)?.length ?? 0;
    if (have < count + atLeast) {
      throw new RangeError(`Test "${name}": the window takes ${count} bucket(s) at place ${place} of the cycle of ${cycle}; the reference has ${have} there and needs ${count + atLeast}. Wait for a longer reference.`);
    }
  }
  return {
    size: window.length,
    // Sorted, so that the order in which buckets were given decides nothing.
    places: [...wanted].sort(([a], [b]) => a - b).map(([place, count]) => ({
      place, count, from: Int32Array.from(places.get(place)!.sort((a, b) => reference[a].index - reference[b].index)),
    })),
  };
}

/**
 * One draw: distinct buckets at each place, written into `taken` (of length `size`) place by place.
 * It belongs to (seed, name, draw) alone: draw 17 is the same whether or not draw 16 was made.
 */
export function drawInto(taken: Int32Array, { places }: Resampling, seed: number | string, name: string, draw: number): void {
  const random = randomOf(seed, `window-test ${name}`, draw);
  let at = 0;
  for (const { count, from } of places) {
    if (count === 1) {
      taken[at++] = from[pick(random, from.length)];
      continue;
    }
    const left = from.slice();
    for (let chosen = 0; chosen < count; chosen++) {
      const other = chosen + pick(random, left.length - chosen);
      taken[at++] = left[other];
      left[other] = left[chosen];
    }
  }
}

/** p = (1 + draws at least as large) / (1 + draws), which is never 0 (Davison and Hinkley, Bootstrap Methods, §4.2). */
export function pValueOf(statistic: number, draws: Float64Array): number {
  // The same counts summed in another order may differ in the last bit; a tie is a tie.
  const bar = statistic - 1e-12 * Math.abs(statistic);
  let asLarge = 0;
  for (const draw of draws) if (draw >= bar) asLarge++;
  return (1 + asLarge) / (1 + draws.length);
}
