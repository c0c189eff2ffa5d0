import { FEWEST_DAYS } from '@rhei/statistics';
import type { Comparison } from './comparison';

export type Verdict = 'helped' | 'hurt' | 'unclear';
export interface Judgement { verdict: Verdict; reason: string }

/** Whether a promotion helped: an interval of the difference in loss that lies on one side of 0 says so, with rows and days enough. */
export function judge(comparison: Comparison | undefined, { version, replaced, atLeast }: { version: number; replaced: number; atLeast: number }): Judgement {
  const rows = comparison?.rows ?? 0;
  if (comparison === undefined || rows < atLeast) {
    return { verdict: 'unclear', reason: `versions ${version} and ${replaced} have both scored ${rows} predictions whose labels are mature; a verdict takes ${atLeast}` };
  }
  const { difference, low, high, days } = comparison;
  if (low === undefined || high === undefined || days < FEWEST_DAYS) {
    return { verdict: 'unclear', reason: `the ${rows} predictions that versions ${version} and ${replaced} have both scored lie on ${days} of ${FEWEST_DAYS} days that a verdict takes` };
  }
  const found = `log loss of version ${version} less that of version ${replaced} on the same ${rows} predictions of ${days} days: ${difference.toFixed(4)} (95 % ${low.toFixed(4)} to ${high.toFixed(4)})`;
  if (high < 0) return { verdict: 'helped', reason: found };
  return low > 0 ? { verdict: 'hurt', reason: found } : { verdict: 'unclear', reason: `${found}, which includes 0` };
}
