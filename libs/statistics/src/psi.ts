/**
 * The population stability index of two histograms with the same bins: Σ (a − e) · ln(a / e) over their shares a and e.
 * 0 when the shares are equal; it is symmetric, and does not depend on the order of the bins.
 *
 * A bin that is empty on both sides says nothing. One that is empty on one side counts there as half an observation:
 * the logarithm stays finite, and an empty bin among many rows weighs more than among few, which a fixed small share would not do.
 * @throws RangeError when the lengths differ, a count is negative or no number, or a side has no rows
 */
export function psi(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  if (expected.length !== actual.length) throw new RangeError(`Two histograms must have the same bins; got ${expected.length} and ${actual.length}.`);
  return psiOf(expected, totalOf(expected, 'expected'), actual, totalOf(actual, 'actual'));
}

export function totalOf(counts: ArrayLike<number>, name: string): number {
  let total = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    if (!(counts[bin] >= 0 && Number.isFinite(counts[bin]))) throw new RangeError(`The ${name} histogram has ${counts[bin]} in bin ${bin}; a count is a number and not negative.`);
    total += counts[bin];
  }
  if (total === 0) throw new RangeError(`The ${name} histogram has no rows.`);
  return total;
}

/** {@link psi} without its checks, for many histograms of known totals. */
export function psiOf(expected: ArrayLike<number>, expectedTotal: number, actual: ArrayLike<number>, actualTotal: number): number {
  let sum = 0;
  for (let bin = 0; bin < expected.length; bin++) {
    if (expected[bin] === 0 && actual[bin] === 0) continue;
    const e = (expected[bin] || 0.5) / expectedTotal;
    const a = (actual[bin] || 0.5) / actualTotal;
    sum += (a - e) * Math.log(a / e);
  }
  return sum;
}
