/** Probabilities are clipped to [1e-15, 1 − 1e-15], so that one certain mistake costs 34.5 nats and not infinity. */
export const LEAST_PROBABILITY = 1e-15;

/** The probability as losses and log-odds take it: never quite 0 or 1. */
export const clipped = (probability: number): number => Math.min(1 - LEAST_PROBABILITY, Math.max(LEAST_PROBABILITY, probability));

/** Negative log-likelihood (nats) of one answer. */
export function logLossOf(probability: number, label: number): number {
  const p = clipped(probability);
  return -(label * Math.log(p) + (1 - label) * Math.log(1 - p));
}
