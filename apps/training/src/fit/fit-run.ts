import { readFileSync } from 'node:fs';
import { digestOf } from '@rhei/expressions';
import { writeTreeModel } from '@rhei/onnx';
import { fitLogistic, labelsOf, METRICS, permutationImportance, predict, rowsOf } from '@rhei/tabular';
import { boost } from './boost';
import { codeDigest } from './code-digest';
import { inputsDigestOf } from './inputs-digest';
import { huntLeaks, refuseLeaks } from './leaks';
import { cardOf } from './model-card';
import { profileOf } from './profile';
import { readExamples, rowsDigestOf } from './read-examples';
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
  /** Told what the result rests on before anything is fitted; the fit goes on once it returns. */
  inputs?(digest: string): Promise<void>;
}

// Columns are dealt out anew for each: beyond this many rows the numbers say nothing more.
const importanceRows = 5_000;

/**
 * Fits, exports and scores one model. The same task gives the same bytes: nothing of time, machine or run is in them.
 * Errors: FitRefused with the reason when no version can come of it; FitCancelled.
 */
export async function fitRun(task: FitTask, { progress, cancelled, phase = () => undefined, inputs = async () => undefined }: Watch): Promise<FitResult> {
  const { reads, spec, trainingSetDigest, champion } = task;
  phase('load rows');
  const examples = await readExamples(task);
  const rowsDigest = task.hashRows ? await rowsDigestOf(task) : undefined;
  const profile = profileOf(examples, task);
  const split = splitExamples(examples, task);
  const code = codeDigest();
  const inputsDigest = inputsDigestOf({ task, examples, split, profile, code });
  await inputs(inputsDigest);
  phase('hunt leaks');
  const leaks = huntLeaks({ examples, split, task });
  refuseLeaks(leaks);
  progress(0.05);
  phase('fit');
  const { ensemble, parameters, stopped } = boost(examples, split.fit, spec, { progress: (share) => progress(0.05 + 0.7 * share), cancelled });
  phase('fit linear');
  const linear = fitLogistic(rowsOf(examples.features, split.fit), labelsOf(examples.labels, split.fit));
  progress(0.8);

  phase('export');
  const artifact = writeTreeModel({ ensemble, metadata: { trainingSet: trainingSetDigest, target: 'probability of class 1' } });
  const scorer = await openScorer(artifact);
  const sample = sampleOf(rowsOf(examples.features, split.holdout));
  await compareWithEngine(scorer, sample, predict(ensemble, sample));
  progress(0.85);

  phase('check');
  const against = champion && { digest: champion.digest, file: readFileSync(champion.path) };
  const { report, days } = await reportOf({ examples, split, scorer, linear, spec, leaks, ...(against && { champion: against }), ...(stopped && { stopped }) });
  const few = split.holdout.slice(-importanceRows);
  const importance = permutationImportance((table) => predict(ensemble, table), rowsOf(examples.features, few), labelsOf(examples.labels, few), METRICS[spec.metric], { repeats: 3, seed: spec.seed });
  const signature = {
    inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, reads.features.length] }], features: reads.features,
    outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
  };
  progress(0.95);
  return {
    artifact, artifactSize: artifact.length, report, signature, parameters, profile, fitUntil: split.fitUntil, codeDigest: code, inputsDigest, ...(rowsDigest !== undefined && { rowsDigest }),
    example: { features: examples.features.columns.map((column) => (Number.isNaN(column[split.holdout[0]]) ? null : column[split.holdout[0]])) },
    scored: { digest: digestOf(Array.from(split.holdout, (row) => [examples.ids[row], examples.asOf[row], examples.labels[row]])), days },
    card: cardOf(task, { report, parameters, signature, importance, codeDigest: code, features: examples.features }),
  };
}
