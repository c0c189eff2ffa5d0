import { formatInstant, parseDuration, type Instant } from '@rhei/expressions';
import { FitRefused, type FitTask } from './task';

/** Rows that fit and rows that score, by position; each needs this many, of both classes. */
export const fewestRows = 50;

export interface Split {
  fit: Uint32Array;
  holdout: Uint32Array;
  /** As-of of the last row that fits. */
  fitUntil: Instant;
}

/**
 * Splits by time: the latest part scores the run and the champion alike, so it begins after the last row that fitted
 * either. Errors: {@link FitRefused} when a part is too small or knows one class only.
 */
export function splitExamples({ asOf: times, labels }: { asOf: Float64Array; labels: ArrayLike<number> }, { asOf, reads, spec, champion }: Pick<FitTask, 'asOf' | 'reads' | 'spec' | 'champion'>): Split {
  const boundary = Math.max(asOf - reads.maturity - parseDuration(spec.split.holdout), champion?.fitUntil ?? -Infinity);
  const rows = Uint32Array.from({ length: times.length }, (_, row) => row);
  const fit = rows.filter((row) => times[row] <= boundary);
  const holdout = rows.filter((row) => times[row] > boundary);
  for (const [name, part] of [['to fit', fit], ['to score', holdout]] as const) demandBoth(name, part, labels, `when split at ${formatInstant(boundary)}`, "change the plan's split");
  return { fit, holdout, fitUntil: times[fit.at(-1)!] };
}

/**
 * Splits the rows that fit once more by time: the latest part scores every round of early stopping. Errors:
 * {@link FitRefused} when a part is too small or knows one class only.
 */
export function splitFold({ asOf: times, labels }: { asOf: Float64Array; labels: ArrayLike<number> }, fit: Uint32Array, fold: string | number): { early: Uint32Array; fold: Uint32Array } {
  const from = typeof fold === 'string'
    ? times[fit.at(-1)!] - parseDuration(fold)
    : times[fit[Math.max(0, fit.length - Math.max(1, Math.round(fold * fit.length)) - 1)]];
  const parts = { early: fit.filter((row) => times[row] <= from), fold: fit.filter((row) => times[row] > from) };
  for (const [name, part] of [['to fit before the fold', parts.early], ['in the fold of early stopping', parts.fold]] as const) demandBoth(name, part, labels, `when parted at ${formatInstant(from)}`, "change the fold of the plan's early stopping");
  return parts;
}

function demandBoth(name: string, part: Uint32Array, labels: ArrayLike<number>, when: string, mend: string): void {
  const ones = part.reduce((count, row) => count + labels[row], 0);
  if (part.length >= fewestRows && ones > 0 && ones < part.length) return;
  throw new FitRefused(`There are ${part.length} examples ${name} (${ones} of class 1) ${when}; expected at least ${fewestRows}, of both classes. Wait for more labels, or ${mend}.`);
}
