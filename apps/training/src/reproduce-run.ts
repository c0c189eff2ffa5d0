import { conflict } from '@rhei/contracts';
import { annotate, currentTraceparent } from '@rhei/runtime';
import type { Deps } from './deps';
import { reproductionId, type Reproduction } from './reproduction';
import { countReproductions, insertReproduction, reproductionNamed, reproductionOfRequest } from './reproduction.store';
import { lockRun, runNamed } from './run.store';

export interface ReproduceRun {
  run: string;
  /** The same id starts one; empty: every call starts one. */
  requestId: string;
  by: string;
}

const expected = { field: 'run', expected: 'a run that has succeeded' };

/**
 * Starts to fit a run again from what it recorded. It brings no version, whatever comes of it.
 * Errors: `not_found`; `conflict` (`RUN_OPEN`, `NOTHING_RECORDED`) for a run that has not succeeded, or did so before records were kept.
 */
export async function reproduceRun(deps: Deps, { run: id, requestId, by }: ReproduceRun): Promise<Reproduction> {
  return deps.database.transaction(async (tx) => {
    const run = (await lockRun(tx, id)) ?? (await runNamed(tx, id));
    const known = requestId === '' ? undefined : await reproductionOfRequest(tx, id, requestId);
    if (known) return known;
    if (run.state === 'waiting' || run.state === 'running') throw conflict(`Run ${id} is ${run.state}; expected one that has succeeded. Wait until it has ended.`, { reason: 'RUN_OPEN', ...expected, got: `one that is ${run.state}`, hint: 'Wait until it has ended.' });
    if (run.state !== 'succeeded' || run.record === undefined) {
      const end = run.state === 'succeeded' ? 'succeeded before records were kept' : `has ${run.state === 'failed' ? 'failed' : 'been cancelled'}`;
      throw conflict(`Run ${id} ${end}; expected one that has made a model and kept what made it.`, { reason: 'NOTHING_RECORDED', ...expected, got: `one that ${end}`, hint: '"rhei runs list --state succeeded" names those that have' });
    }
    const number = (await countReproductions(tx, id)) + 1;
    const reproduction = reproductionId(id, number);
    await insertReproduction(tx, { id: reproduction, run: id, number, by, traceparent: currentTraceparent(), ...(requestId === '' ? {} : { requestId }) });
    annotate(() => ({ 'rhei.run.id': id, 'rhei.model.name': run.model }));
    await tx.decide({ subject: `run/${id}`, action: 'reproduce', by, inputs: { artifact: run.artifactDigest, trainingSet: run.trainingSetDigest }, outcome: { reproduction } });
    tx.afterCommit(() => deps.wake());
    return reproductionNamed(tx, reproduction);
  });
}
