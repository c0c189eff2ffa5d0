import { formatInstant } from '@rhei/expressions';
import { writeTreeModel } from '@rhei/onnx';
import { auc, baseRate, boostingParams, brier, fitBoosting, labelsOf, logLoss, METRICS, permutationImportance, predict, rowsOf, type Labels, type Table } from '@rhei/tabular';
import { codeDigest } from './code-digest';
import { profileOf } from './profile';
import { readExamples, type Examples } from './read-examples';
import { compareWithEngine, openScorer } from './score-onnx';
import { splitExamples, type Split } from './split';
import type { FitReport, FitResult, FitTask, Metrics } from './task';

const measure = (labels: Labels, scores: ArrayLike<number>): Metrics => ({ logLoss: logLoss(labels, scores), auc: auc(labels, scores), brier: brier(labels, scores) });

/**
 * Fits, exports and scores one model. The same task gives the same bytes: nothing of time, machine or run is in them.
 * Errors: FitRefused with the reason when no version can come of it.
 */
export async function fitRun(task: FitTask, progress: (done: number) => void): Promise<FitResult> {
  const { reads, spec, trainingSetDigest } = task;
  const examples = await readExamples(task);
  const split = splitExamples(examples, task);
  progress(0.05);
  const part = (rows: Uint32Array): { table: Table; labels: Labels } => ({ table: rowsOf(examples.features, rows), labels: labelsOf(examples.labels, rows) });
  const [fit, holdout] = [part(split.fit), part(split.holdout)];
  const params = boostingParams({ ...spec.engine, seed: spec.seed });
  const ensemble = fitBoosting(fit.table, fit.labels, params, { onProgress: ({ tree, trees }) => progress(0.05 + (0.75 * tree) / trees) });
  const artifact = writeTreeModel({ ensemble, metadata: { trainingSet: trainingSetDigest, target: 'probability of class 1' } });
  const scores = predict(ensemble, holdout.table);
  await compareWithEngine(await openScorer(artifact), holdout.table, scores);
  progress(0.85);
  const report = await reportOf(task, examples, split, { fit, holdout, scores });
  const importance = permutationImportance((table) => predict(ensemble, table), holdout.table, holdout.labels, METRICS[spec.metric], { repeats: 3, seed: spec.seed });
  const signature = {
    inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, reads.features.length] }], features: reads.features,
    outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
  };
  progress(0.95);
  return {
    artifact, report, signature, parameters: params, profile: profileOf(examples, task), fitUntil: split.fitUntil, codeDigest: codeDigest(),
    example: { features: holdout.table.columns.map((column) => (Number.isNaN(column[0]) ? null : column[0])) },
    card: cardOf(task, report, signature, importance),
  };
}

interface Parts {
  fit: { table: Table; labels: Labels };
  holdout: { table: Table; labels: Labels };
  scores: Float64Array;
}

async function reportOf({ spec, champion }: FitTask, { asOf }: Examples, split: Split, { fit, holdout, scores }: Parts): Promise<FitReport> {
  const period = (rows: Uint32Array): FitReport['fit'] => ({ from: formatInstant(asOf[rows[0]]), to: formatInstant(asOf[rows.at(-1)!]), rows: rows.length });
  const challenger = measure(holdout.labels, scores);
  const base = measure(holdout.labels, new Float64Array(holdout.table.rows).fill(baseRate(fit.labels)));
  const against = champion === undefined ? undefined : { ...measure(holdout.labels, await (await openScorer(champion.path))(holdout.table)), digest: champion.digest };
  const better = (one: number, other: number): boolean => (METRICS[spec.metric].better === 'higher' ? one > other : one < other);
  return {
    holdout: period(split.holdout), fit: period(split.fit), baseRate: base, challenger, ...(against === undefined ? {} : { champion: against }),
    improved: better(challenger[spec.metric], (against ?? base)[spec.metric]),
  };
}

/** What is measured about the model, and what is not known of it. */
function cardOf({ reads, spec, trainingSetDigest, asOf }: FitTask, report: FitReport, signature: unknown, importance: unknown): unknown {
  return {
    engine: 'histogram gradient boosting (rhei)', parameters: { ...spec.engine, seed: spec.seed }, signature,
    data: { trainingSet: trainingSetDigest, featureSet: spec.featureSet, features: reads.features, asOf: formatInstant(asOf), fit: report.fit, holdout: report.holdout, split: 'by time' },
    metrics: { challenger: report.challenger, baseRate: report.baseRate, champion: report.champion ?? null, improved: report.improved },
    importance: { method: 'permutation on the holdout', metric: spec.metric, values: importance },
    missing: ['calibration by slice', 'fairness', 'intended use beyond the purpose of its model'],
  };
}
