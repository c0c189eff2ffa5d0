import { readFileSync } from 'node:fs';
import { writeTreeModel } from '@rhei/onnx';
import { boostingParams, fitBoosting, labelsOf, METRICS, permutationImportance, predict, rowsOf, type Labels, type Table } from '@rhei/tabular';
import { codeDigest } from './code-digest';
import { cardOf } from './model-card';
import { profileOf } from './profile';
import { readExamples } from './read-examples';
import { reportOf } from './report';
import { compareWithEngine, openScorer, sampleOf } from './score-onnx';
import { splitExamples } from './split';
import type { FitResult, FitTask } from './task';

export interface Watch {
  /** The share that is done. */
  progress(done: number): void;
  /** Asked before each tree: nobody waits for the result any more. */
  cancelled(): boolean;
  /** The work of this name begins; what was before is over. */
  phase?(name: string): void;
}

// Columns are dealt out anew for each: beyond this many rows the numbers say nothing more.
const importanceRows = 5_000;

/**
 * Fits, exports and scores one model. The same task gives the same bytes: nothing of time, machine or run is in them.
 * Errors: FitRefused with the reason when no version can come of it; FitCancelled.
 */
export async function fitRun(task: FitTask, { progress, cancelled, phase = () => undefined }: Watch): Promise<FitResult> {
  const { reads, spec, trainingSetDigest, champion } = task;
  phase('load rows');
  const examples = await readExamples(task);
  const profile = profileOf(examples, task);
  const split = splitExamples(examples, task);
  progress(0.05);
  const part = (rows: ArrayLike<number>): { table: Table; labels: Labels } => ({ table: rowsOf(examples.features, rows), labels: labelsOf(examples.labels, rows) });
  const [fit, holdout] = [part(split.fit), part(split.holdout)];
  phase('fit');
  const parameters = boostingParams({ ...spec.engine, seed: spec.seed });
  const ensemble = fitBoosting(fit.table, fit.labels, parameters, { onProgress: ({ tree, trees }) => progress(0.05 + (0.75 * tree) / trees), cancelled });

  phase('export');
  const artifact = writeTreeModel({ ensemble, metadata: { trainingSet: trainingSetDigest, target: 'probability of class 1' } });
  const scorer = await openScorer(artifact);
  const sample = sampleOf(holdout.table);
  await compareWithEngine(scorer, sample, predict(ensemble, sample));
  progress(0.85);

  phase('check');
  const against = champion && { digest: champion.digest, file: readFileSync(champion.path) };
  const report = await reportOf({ times: examples.asOf, split, fit, holdout, scorer, metric: spec.metric, ...(against && { champion: against }) });
  const few = part(split.holdout.slice(-importanceRows));
  const importance = permutationImportance((table) => predict(ensemble, table), few.table, few.labels, METRICS[spec.metric], { repeats: 3, seed: spec.seed });
  const signature = {
    inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, reads.features.length] }], features: reads.features,
    outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
  };
  progress(0.95);
  const code = codeDigest();
  return {
    artifact, report, signature, parameters, profile, fitUntil: split.fitUntil, codeDigest: code,
    example: { features: holdout.table.columns.map((column) => (Number.isNaN(column[0]) ? null : column[0])) },
    card: cardOf(task, { report, parameters, signature, importance, codeDigest: code, rows: examples.asOf.length }),
  };
}
