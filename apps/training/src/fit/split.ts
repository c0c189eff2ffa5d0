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
  for (const [name, part] of [['to fit', fit], ['to score', holdout]] as const) {
    const ones = part.reduce((count, row) => count + labels[row], 0);
    if (part.length < fewestRows || ones === 0 || ones === part.length) {
      throw new FitRefused(`There are ${part.length} examples ${name} (${ones} of class 1) when split at ${formatInstant(boundary)}; expected at least ${fewestRows}, of both classes. Wait for more labels, or change the plan's split.`);
    }
  }
  return { fit, holdout, fitUntil: times[fit.at(-1)!] };
}
