import { logLossOf } from '@rhei/statistics';
import type { Labels } from './table';

/** A number that says how good predictions are, and which way is better. */
export interface Metric {
  readonly name: string;
  readonly better: 'higher' | 'lower';
  readonly of: (labels: Labels, probabilities: ArrayLike<number>) => number;
}

/**
 * Area under the ROC curve: the chance that a random row of class 1 is ranked above one of class 0, ties counting half
 * (Mann-Whitney with mid-ranks). NaN when only one class is present: there is nothing to rank.
 */
export function auc(labels: Labels, probabilities: ArrayLike<number>): number {
  const order = Uint32Array.from({ length: labels.length }, (_, at) => at).sort((a, b) => probabilities[a] - probabilities[b]);
  let ones = 0;
  let twiceWins = 0;
  for (let begin = 0, below = 0; begin < order.length; ) {
    let end = begin;
    let positive = 0;
    while (end < order.length && probabilities[order[end]] === probabilities[order[begin]]) positive += labels[order[end++]];
    const negative = end - begin - positive;
    twiceWins += positive * (2 * below + negative);
    below += negative;
    ones += positive;
    begin = end;
  }
  return twiceWins / (2 * ones * (labels.length - ones));
}

/** Mean of {@link logLossOf}: negative log-likelihood in nats. NaN for no rows. */
export function logLoss(labels: Labels, probabilities: ArrayLike<number>): number {
  let sum = 0;
  for (let row = 0; row < labels.length; row += 1) sum += logLossOf(probabilities[row], labels[row]);
  return sum / labels.length;
}

/** Mean squared distance of probability and outcome (Brier 1950, two classes counted once). No clipping. NaN for no rows. */
export function brier(labels: Labels, probabilities: ArrayLike<number>): number {
  let sum = 0;
  for (let row = 0; row < labels.length; row += 1) sum += (probabilities[row] - labels[row]) ** 2;
  return sum / labels.length;
}

export const METRICS = {
  auc: { name: 'auc', better: 'higher', of: auc },
  logLoss: { name: 'logLoss', better: 'lower', of: logLoss },
  brier: { name: 'brier', better: 'lower', of: brier },
} as const satisfies Record<string, Metric>;
