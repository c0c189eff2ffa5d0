import type { Row } from './drift';

/** Probabilities are clipped to [1e-15, 1 − 1e-15], so that one certain mistake costs 34.5 nats and not infinity. */
export const LEAST_PROBABILITY = 1e-15;

/**
 * Mean negative log-likelihood (nats) over the rows whose truth is known, in their order, and the share of rows that this is.
 * Without any such row the loss is undefined and the coverage 0.
 */
export function performanceOf(rows: readonly Pick<Row, 'probability' | 'label'>[]): { rows: number; labelled: number; coverage: number; logLoss?: number } {
  let labelled = 0, sum = 0;
  for (const { probability, label } of rows) {
    if (label === null) continue;
    const p = Math.min(1 - LEAST_PROBABILITY, Math.max(LEAST_PROBABILITY, probability));
    sum -= label * Math.log(p) + (1 - label) * Math.log(1 - p);
    labelled++;
  }
  return { rows: rows.length, labelled, coverage: rows.length === 0 ? 0 : labelled / rows.length, logLoss: labelled === 0 ? undefined : sum / labelled };
}
