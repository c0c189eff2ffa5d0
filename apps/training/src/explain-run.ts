import { formatInstant } from '@rhei/expressions';
import type { Explanation } from '@rhei/runtime';
import { inWords } from './complete-run';
import type { Deps } from './deps';
import { versionOfRun } from './known.store';
import { findRun } from './run.store';

/** Why a run was started, what it learnt from, and what became of it. */
export async function explainRun({ database }: Deps, id: string): Promise<Explanation | undefined> {
  const run = await findRun(database, id);
  if (run === undefined) return undefined;
  const version = await versionOfRun(database, id);
  return {
    title: `Run ${id} of plan ${run.plan}: ${run.state}, as of ${formatInstant(run.asOf)}`,
    lines: [
      `started by ${run.cause.kind}: ${run.cause.reason}`,
      ...(run.champion === undefined ? [] : [`compared with ${run.model}/${run.champion.version}`]),
      ...(run.report === undefined || run.record === undefined ? [] : [inWords(run.report)]),
      ...(run.artifactDigest === '' ? [] : [`model file ${run.artifactDigest}`]),
      ...(run.failure === '' ? [] : [run.failure]),
      ...(version === undefined ? [] : [`became ${version.model}/${version.version}${version.promoted ? ', which was promoted' : ''}`]),
    ],
    traceparents: [run.traceparent],
    causes: [
      ...(run.trainingSet === '' ? [] : [{ service: 'feature' as const, kind: 'training-set', id: run.trainingSet }]),
      ...(run.cause.kind === 'drift' ? [{ service: 'monitoring' as const, kind: 'retraining', id: run.cause.id }] : []),
    ],
  };
}
