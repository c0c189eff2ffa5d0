import { refuse } from './errors';

/** Positions of rows before and from a moment on, each rising. */
export interface TimeSplit {
  readonly early: Uint32Array;
  readonly late: Uint32Array;
  /** The first moment that is late, in the unit of the times. */
  readonly from: number;
}

/**
 * Holds out the latest rows: about the share `holdout` (between 0 and 1) of them. Rows of one moment stay together, so
 * the late part may be larger than asked for; it is smaller only when it would otherwise be everything.
 * Throws a {@link TabularError} when one side would be empty.
 */
export function splitByTime(asOf: ArrayLike<number>, { holdout }: { readonly holdout: number }): TimeSplit {
  const problems: string[] = [];
  if (!(holdout > 0 && holdout < 1)) problems.push(`The holdout must be a share between 0 and 1; it is ${holdout}.`);
  const times = Float64Array.from(asOf);
  const odd = times.findIndex((time) => !Number.isFinite(time));
  if (odd >= 0) problems.push(`The time of row ${odd} is ${times[odd]}; every row needs a finite one.`);
  const sorted = times.slice().sort();
  if (sorted.length === 0 || sorted[0] === sorted[sorted.length - 1])
    problems.push(`A split by time needs rows of two moments at least; there are ${sorted.length} rows of ${Math.min(1, sorted.length)}.`);
  refuse(problems);

  const wanted = Math.max(1, Math.round(holdout * sorted.length));
  const at = sorted[sorted.length - wanted];
  const from = at > sorted[0] ? at : sorted.find((time) => time > at) ?? at;
  const rows = Uint32Array.from({ length: times.length }, (_, row) => row);
  return { early: rows.filter((row) => times[row] < from), late: rows.filter((row) => times[row] >= from), from };
}
