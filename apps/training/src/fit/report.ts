import { formatInstant } from '@rhei/expressions';
import { ModelRefused } from '@rhei/onnx';
import { auc, baseRate, brier, logLoss, METRICS, type Labels, type Table } from '@rhei/tabular';
import { openScorer, type Scorer } from './score-onnx';
import type { Split } from './split';
import type { FitReport, Metrics } from './task';

export interface ToReport {
  /** As-of of every example. */
  times: ArrayLike<number>;
  split: Split;
  fit: { labels: Labels };
  holdout: { table: Table; labels: Labels };
  scorer: Scorer;
  champion?: { digest: string; file: Uint8Array };
  metric: keyof typeof METRICS;
}

/** Scores the new model, the champion and the bare base rate on the same rows, which fitted none of them. */
export async function reportOf({ times, split, fit, holdout, scorer, champion, metric }: ToReport): Promise<FitReport> {
  const period = (rows: Uint32Array): FitReport['fit'] => ({ from: formatInstant(times[rows[0]]), to: formatInstant(times[rows[rows.length - 1]]), rows: rows.length });
  const measure = (scores: ArrayLike<number>): Metrics => ({ logLoss: logLoss(holdout.labels, scores), auc: auc(holdout.labels, scores), brier: brier(holdout.labels, scores) });
  const challenger = measure(await scorer.score(holdout.table));
  const base = measure(new Float64Array(holdout.table.rows).fill(baseRate(fit.labels)));
  const against = champion && { digest: champion.digest, ...(await scoresOf(champion.file, holdout.table, measure)) };
  const other = against && 'logLoss' in against ? against : base;
  return {
    holdout: period(split.holdout), fit: period(split.fit), baseRate: base, challenger, ...(against && { champion: against }),
    improved: METRICS[metric].better === 'higher' ? challenger[metric] > other[metric] : challenger[metric] < other[metric],
  };
}

/** A champion that cannot read these rows has no scores, and the report says why: its feature set may have changed since. */
async function scoresOf(file: Uint8Array, table: Table, measure: (scores: ArrayLike<number>) => Metrics): Promise<Metrics | { unable: string }> {
  try {
    const { features, score } = await openScorer(file);
    const absent = features?.filter((name) => !table.names.includes(name)) ?? [];
    if (absent.length > 0) return { unable: `it reads ${absent.join(', ')}, which the training set does not have` };
    return measure(await score(table));
  } catch (error) {
    if (!(error instanceof ModelRefused)) throw error;
    return { unable: `its file is refused: ${error.message}` };
  }
}
