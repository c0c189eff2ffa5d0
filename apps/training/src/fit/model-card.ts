import { formatInstant } from '@rhei/expressions';
import type { Importance, Table } from '@rhei/tabular';
import type { FitReport, FitTask } from './task';

export interface Measured {
  report: FitReport;
  parameters: unknown;
  signature: unknown;
  importance: readonly Importance[];
  codeDigest: string;
  features: Table;
}

/** What was measured about a model, and what is not known of it. */
export function cardOf({ spec, trainingSetDigest, asOf, filledFrom, origin }: FitTask, { report, parameters, signature, importance, codeDigest, features }: Measured): unknown {
  return {
    model: spec.model,
    engine: { name: 'histogram gradient boosting', parameters, code: codeDigest },
    signature,
    data: {
      featureSet: spec.featureSet, trainingSet: trainingSetDigest, rows: features.rows, asOf: formatInstant(asOf), windowsFullFrom: formatInstant(filledFrom),
      split: { by: 'time', holdout: spec.split.holdout }, fit: report.fit, scored: report.holdout, ...origin,
      features: features.names.map((name, at) => ({ name, missing: missingShare(features.columns[at]) })),
    },
    metrics: { challenger: report.challenger, baseRate: report.baseRate, linear: report.linear, champion: report.champion ?? null, difference: report.difference, improved: report.improved },
    slices: report.slices, leaks: report.leaks, stopped: report.stopped ?? null,
    importance: { method: 'permutation, on rows that did not fit the model', metric: spec.metric, values: importance },
    missing: [
      ...(Object.keys(report.difference).length === 0 ? ['intervals of the differences: the holdout has rows of one day only'] : []),
      ...(report.slices.length === 0 ? ['metrics by slice'] : []), 'fairness by group', 'limits of use beyond the purpose that its model states',
    ],
  };
}

const missingShare = (column: ArrayLike<number>): number => (column.length === 0 ? 0 : Array.from(column).filter(Number.isNaN).length / column.length);
