import { DAY, type Instant } from '@rhei/expressions';
import { blockBootstrap, logLossOf } from '@rhei/statistics';
import type { Labels } from '@rhei/tabular';
import type { Difference, ScoredDay } from './task';

/** Log loss of each row, in nats. */
export const lossesOf = (labels: Labels, scores: ArrayLike<number>): Float64Array => Float64Array.from(labels, (label, row) => logLossOf(scores[row], label));

/** Rows of each day (UTC) of their as-of, the days in order. */
export function daysOf(asOf: ArrayLike<Instant>): { day: Instant; rows: number[] }[] {
  const days = new Map<Instant, number[]>();
  for (let row = 0; row < asOf.length; row += 1) {
    const day = Math.floor(asOf[row] / DAY) * DAY;
    const rows = days.get(day);
    if (rows === undefined) days.set(day, [row]);
    else rows.push(row);
  }
  return [...days].sort(([a], [b]) => a - b).map(([day, rows]) => ({ day, rows }));
}

/**
 * Mean of the paired differences with a 95 % interval from whole days, whose rows are not independent; undefined with
 * rows of fewer than two days.
 */
export function pairedDifference(losses: Float64Array, others: Float64Array, days: readonly { rows: readonly number[] }[], random: { seed: number; name: string; draws?: number }): Difference | undefined {
  const differences = days.map(({ rows }) => rows.map((row) => losses[row] - others[row])).filter(({ length }) => length > 0);
  if (differences.length < 2) return undefined;
  const { mean, low, high, rows } = blockBootstrap(differences, random);
  return { mean, low, high, rows };
}

/** The losses of each day, summed: all that a paired comparison by days needs of them. */
export const scoredDays = (losses: Float64Array, days: readonly { day: Instant; rows: readonly number[] }[]): ScoredDay[] =>
  days.map(({ day, rows }) => ({ day, rows: rows.length, logLoss: rows.reduce((sum, row) => sum + losses[row], 0) }));
