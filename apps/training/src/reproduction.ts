import { digestOf } from '@rhei/expressions';
import { firstDifference } from '@rhei/onnx';
import { differencesIn, type RunDifference } from './difference';
import type { FitResult } from './fit/task';
import type { Run } from './run';

export type ReproductionState = 'running' | 'same' | 'different' | 'failed';

/** One repetition of a run from what it recorded. It registers nothing. */
export interface Reproduction {
  id: string;
  run: string;
  by: string;
  state: ReproductionState;
  differences: RunDifference[];
  failure: string;
  progress: number;
  phase: string;
  seconds: number;
}

export const reproductionId = (run: string, number: number): string => digestOf({ reproduces: run, number }).slice(0, 16);

/** A run's recorded end, without which there is nothing to hold a repetition to. */
export interface Recorded {
  run: Run;
  /** The model file that it made. */
  artifact: Uint8Array;
}

/**
 * Where a repetition parts from what was recorded, in the order in which one thing follows from another: rows, code,
 * parameters, model, report. None when model and report are the same, whatever made them.
 */
export function judgeReproduction({ run, artifact }: Recorded, again: FitResult): RunDifference[] {
  const { record, report } = run;
  const tree = firstDifference(artifact, again.artifact);
  const { cachedFrom: _, ...told } = report!;
  const reports = differencesIn('report', told, again.report);
  if (tree === undefined && reports.length === 0) return [];
  const of = (what: string, a: string, b: string): RunDifference[] => (a === b ? [] : [{ what, a, b }]);
  return [
    ...of('training set', run.trainingSetDigest, again.rowsDigest ?? ''),
    ...of('code', record!.codeDigest, again.codeDigest),
    ...differencesIn('parameters', record!.parameters, again.parameters),
    ...of('holdout', record!.scored.digest, again.scored.digest),
    ...(tree === undefined ? [] : [{ what: 'model', a: `${run.artifactDigest}`, b: `differs in ${tree}` }]),
    ...reports,
  ];
}

