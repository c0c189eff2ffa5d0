import { hashUnit } from '@rhei/expressions';
import { calibrationBinning, calibrationError, clipped, quantileOfSorted } from '@rhei/statistics';
import { fitLogistic, tableOf, type Labels } from '@rhei/tabular';
import type { Calibration } from './task';

const draws = 1_000;
const level = 0.95;
/** Numbers kept of each bin: sum of scores, sum of labels, rows. */
const cell = 3;

/** Days drawn again with their rows, so many times; the same for all models that are held to each other. */
export const drawDays = (days: number, seed: number): Uint32Array[] =>
  Array.from({ length: draws }, (_, draw) => Uint32Array.from({ length: days }, (__, at) => Math.floor(hashUnit(seed, 'calibration by days', draw * days + at) * days)));

/**
 * How far probabilities are from what came, by {@link calibrationBinning} and {@link calibrationError}. The error's 95 %
 * interval comes from whole days drawn again. Such draws add noise, which pushes the error up; so it is the basic interval
 * (Davison and Hinkley 1997, §5.2), which turns them around the estimate, from 0 on, and holds the estimate. With rows of one
 * day there is none. `slope` is that of a logistic regression on the log-odds: 1 for honest scores, below 1
 * for those that are too sure; absent where all scores are the same.
 */
export function calibrationOf(labels: Labels, scores: ArrayLike<number>, days: readonly { rows: readonly number[] }[], drawn: readonly Uint32Array[]): Calibration {
  const { binOf, count } = calibrationBinning(scores);
  const sums = days.map(({ rows }) => {
    const into = new Float64Array(cell * count);
    for (const row of rows) {
      const at = cell * binOf[row];
      into[at] += scores[row];
      into[at + 1] += labels[row];
      into[at + 2] += 1;
    }
    return into;
  });
  const whole = total(sums, sums.keys(), count);
  const error = errorOf(whole);
  const [low, high] = days.length < 2 ? [] : intervalOf(error, drawn.map((draw) => errorOf(total(sums, draw, count))));
  const slope = slopeOf(labels, scores);
  return {
    error, ...(low !== undefined && { low, high }), ...(slope !== undefined && { slope }),
    bins: Array.from({ length: count }, (_, bin) => {
      const rows = whole[cell * bin + 2];
      return { predicted: whole[cell * bin] / rows, observed: whole[cell * bin + 1] / rows, rows };
    }),
  };
}

function total(sums: readonly Float64Array[], days: Iterable<number>, count: number): Float64Array {
  const all = new Float64Array(cell * count);
  for (const day of days) for (let at = 0; at < all.length; at += 1) all[at] += sums[day][at];
  return all;
}

function errorOf(sums: Float64Array): number {
  return calibrationError(Array.from({ length: sums.length / cell }, (_, bin) => ({ predicted: sums[cell * bin], observed: sums[cell * bin + 1], rows: sums[cell * bin + 2] })));
}

function intervalOf(error: number, drawn: number[]): [low: number, high: number] {
  const sorted = Float64Array.from(drawn).sort();
  const tail = (1 - level) / 2;
  const [low, high] = [2 * error - quantileOfSorted(sorted, 1 - tail), 2 * error - quantileOfSorted(sorted, tail)];
  return [Math.min(error, Math.max(0, low)), Math.max(error, high)];
}

function slopeOf(labels: Labels, scores: ArrayLike<number>): number | undefined {
  const odds = Float64Array.from(scores, (score) => {
    const p = clipped(score);
    return Math.log(p) - Math.log1p(-p);
  });
  const { scale, weight } = fitLogistic(tableOf(['odds'], [odds]), labels, { l2: 1e-6 });
  return scale[0] > 0 ? weight[0] / scale[0] : undefined;
}
