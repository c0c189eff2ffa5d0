/**
 * The procedure of Benjamini and Hochberg (1995): among what it rejects, the expected share of false discoveries is at most `budget`.
 * @returns for each p-value, in the given order: its adjusted value, and whether it is rejected (adjusted ≤ budget)
 */
export function benjaminiHochberg(pValues: readonly number[], budget: number): { rejected: boolean[]; adjusted: number[] } {
  const wrong = pValues.find((p) => !(p >= 0 && p <= 1));
  if (wrong !== undefined) throw new RangeError(`A p-value lies between 0 and 1; got ${wrong}.`);
  const order = pValues.map((_, index) => index).sort((a, b) => pValues[b] - pValues[a]);
  const adjusted = new Array<number>(pValues.length);
  let least = 1;
  order.forEach((index, fromLargest) => {
    least = Math.min(least, pValues[index] * (pValues.length / (pValues.length - fromLargest)));
    adjusted[index] = least;
  });
  return { rejected: adjusted.map((p) => p <= budget), adjusted };
}

/** What is known of one watched thing in one window. */
export interface DriftEvidence {
  name: string;
  effect: number;
  pValue: number;
  /** The least effect that alarms; where it is left out, that of the decision. */
  floor?: number;
  /**
   * Shown, never an alarm, and no part of the budget: what remembers (a 14-day rate, a score that reads it; neighbouring windows share
   * its past), and what has too few rows to act on.
   */
  shownOnly?: boolean;
}

export interface DriftVerdict extends DriftEvidence {
  /** `null` for what is only shown: it takes no part in the budget. */
  adjusted: number | null;
  /**
   * - `alarm`: differs beyond noise, and enough to act · `small`: beyond noise, below the floor
   * - `noise`: differs no more than the reference does from itself · `shown`: see `shownOnly`
   */
  verdict: 'alarm' | 'small' | 'noise' | 'shown';
}

/**
 * One decision over all that a window tests: one budget of false discoveries, then the floor of what is worth acting on.
 * @param budget the share of false discoveries, 0.01 by default
 * @param floor the least effect that alarms (a PSI of 0.03 by default), for evidence that names none of its own
 */
export function decideDrift<T extends DriftEvidence>(tests: readonly T[], { budget = 0.01, floor = 0.03 }: { budget?: number; floor?: number } = {}): { verdicts: Array<T & DriftVerdict>; alarms: Array<T & DriftVerdict> } {
  const { adjusted, rejected } = benjaminiHochberg(tests.filter(({ shownOnly }) => !shownOnly).map(({ pValue }) => pValue), budget);
  let next = 0;
  const verdicts = tests.map((test): T & DriftVerdict => {
    if (test.shownOnly) return { ...test, adjusted: null, verdict: 'shown' };
    const at = next++;
    return { ...test, adjusted: adjusted[at], verdict: !rejected[at] ? 'noise' : test.effect >= (test.floor ?? floor) ? 'alarm' : 'small' };
  });
  return { verdicts, alarms: verdicts.filter(({ verdict }) => verdict === 'alarm') };
}
