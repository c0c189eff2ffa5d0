import { formatInstant } from '@rhei/expressions';
import { ModelRefused } from '@rhei/onnx';
import { auc, baseRate, brier, labelsOf, logLoss, METRICS, predictLinear, rowsOf, type Labels, type LinearModel, type Table } from '@rhei/tabular';
import { calibrationOf, drawDays } from './calibration';
import { daysOf, lossesOf, pairedDifference, scoredDays } from './losses';
import type { Examples } from './read-examples';
import { openScorer, type Scorer } from './score-onnx';
import { slicesOf } from './slices';
import type { Split } from './split';
import type { Difference, FitReport, FitTask, Leak, Measured, ScoredDay } from './task';

export interface ToReport {
  examples: Examples;
  split: Split;
  scorer: Scorer;
  linear: LinearModel;
  champion?: { digest: string; file: Uint8Array };
  spec: Pick<FitTask['spec'], 'metric' | 'seed' | 'slices'>;
  leaks: Leak[];
  stopped?: { round: number; of: number };
}

/** Scores the new model, the champion, the linear baseline and the bare base rate on the same rows, which fitted none of them. */
export async function reportOf({ examples, split, scorer, linear, champion, spec: { metric, seed, slices = [] }, leaks, stopped }: ToReport): Promise<{ report: FitReport; days: ScoredDay[] }> {
  const { asOf } = examples;
  const table = rowsOf(examples.features, split.holdout);
  const labels = labelsOf(examples.labels, split.holdout);
  const days = daysOf(Array.from(split.holdout, (row) => asOf[row]));
  const drawn = drawDays(days.length, seed);
  const period = (rows: Uint32Array): FitReport['fit'] => ({ from: formatInstant(asOf[rows[0]]), to: formatInstant(asOf[rows[rows.length - 1]]), rows: rows.length });
  const scored = (scores: ArrayLike<number>): Scored => ({ measured: measure(labels, scores, days, drawn), losses: lossesOf(labels, scores) });

  const challenger = scored(await scorer.score(table));
  const base = scored(new Float64Array(table.rows).fill(baseRate(labelsOf(examples.labels, split.fit))));
  const straight = scored(predictLinear(linear, table));
  const scores = champion && (await scoresOf(champion.file, table));
  const former = scores === undefined || 'unable' in scores ? undefined : scored(scores);
  const other = former ?? base;
  const difference = (name: string, to: Scored | undefined): { [name: string]: Difference } => {
    const found = to && pairedDifference(challenger.losses, to.losses, days, { seed, name });
    return found === undefined ? {} : { [name]: found };
  };
  const beats = (than: Scored): boolean => METRICS[metric].better === 'higher' ? challenger.measured[metric] > than.measured[metric] : challenger.measured[metric] < than.measured[metric];
  const unbeaten = [...(beats(other) ? [] : [former ? 'champion' : 'base rate']), ...(beats(straight) ? [] : ['linear baseline'])];
  return {
    days: scoredDays(challenger.losses, days),
    report: {
      holdout: period(split.holdout), fit: period(split.fit), baseRate: base.measured, challenger: challenger.measured, linear: straight.measured,
      ...(champion && { champion: { digest: champion.digest, ...(former?.measured ?? (scores as { unable: string })) } }),
      difference: { ...difference('champion', former), ...difference('linear', straight), ...difference('baseRate', base) },
      slices: slicesOf(slices, { examples, holdout: split.holdout, losses: challenger.losses, others: other.losses, days, seed }),
      leaks, ...(stopped && { stopped }), improved: unbeaten.length === 0, unbeaten,
    },
  };
}

interface Scored {
  measured: Measured;
  losses: Float64Array;
}

const measure = (labels: Labels, scores: ArrayLike<number>, days: ReturnType<typeof daysOf>, drawn: Uint32Array[]): Measured =>
  ({ logLoss: logLoss(labels, scores), auc: auc(labels, scores), brier: brier(labels, scores), calibration: calibrationOf(labels, scores, days, drawn) });

/** A champion that cannot read these rows has no scores, and the report says why: its feature set may have changed since. */
async function scoresOf(file: Uint8Array, table: Table): Promise<Float64Array | { unable: string }> {
  try {
    const { features, score } = await openScorer(file);
    const absent = features?.filter((name) => !table.names.includes(name)) ?? [];
    if (absent.length > 0) return { unable: `it reads ${absent.join(', ')}, which the training set does not have` };
    return await score(table);
  } catch (error) {
    if (!(error instanceof ModelRefused)) throw error;
    return { unable: `its file is refused: ${error.message}` };
  }
}
