import { logLossOf } from '@rhei/statistics';
import type { Row } from '../drift/row';

export interface Performance { rows: number; labelled: number; coverage: number; logLoss?: number }

/**
 * Mean log loss over the rows whose truth is known, in their order, and the share of rows that this is. What the fallback answered
 * counts as a row, and its truth in the coverage; it has no loss. Without any loss the mean is undefined.
 */
export function performanceOf(rows: readonly Pick<Row, 'probability' | 'label' | 'version'>[]): Performance {
  let labelled = 0, scored = 0, sum = 0;
  for (const { probability, label, version } of rows) {
    if (label === null) continue;
    labelled++;
    if (version === 0 || probability === null) continue;
    sum += logLossOf(probability, label);
    scored++;
  }
  return { rows: rows.length, labelled, coverage: rows.length === 0 ? 0 : labelled / rows.length, logLoss: scored === 0 ? undefined : sum / scored };
}
