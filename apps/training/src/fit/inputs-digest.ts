import type { training } from '@rhei/contracts';
import { digestOf, sha256 } from '@rhei/expressions';
import type { Examples } from './read-examples';
import type { Split } from './split';
import type { FitTask } from './task';

export interface Inputs {
  task: FitTask;
  examples: Examples;
  split: Split;
  profile: training.ReferenceProfile;
  code: string;
}

/**
 * A digest over all that a model and its report rest on: rows, what is read of them beside the features, where they are
 * parted, the plan's word on fitting and scoring, champion and code. Two runs with one digest come to the same end.
 */
export function inputsDigestOf({ task, examples, split, profile, code }: Inputs): string {
  const { model, featureSet, split: parts, metric, seed, engine, slices = null, leaks = null } = task.spec;
  const bytes = ({ buffer, byteOffset, byteLength }: Float64Array): string => sha256(Buffer.from(buffer, byteOffset, byteLength));
  return digestOf({
    rows: task.trainingSetDigest, time: bytes(examples.time), reads: task.reads, filledFrom: task.filledFrom,
    request: [...examples.request].map(([name, field]) => [name, field.kind === 'text' ? digestOf(field.values) : bytes(field.values)]),
    fit: split.fit.length, holdout: split.holdout.length, fitUntil: split.fitUntil, profile: { from: profile.from, to: profile.to, bucket: profile.bucket },
    plan: { model, featureSet, split: parts, metric, seed, engine, slices, leaks }, champion: task.champion?.digest ?? null, code,
  });
}
