import type { Blobs, Database, Transaction } from '@rhei/runtime';
import type { Logger } from 'pino';
import { completeFromCache, completeRun } from './complete-run';
import { failRun } from './fail-run';
import type { Ending } from './fit/run-process';
import { holds, releaseLease, type Lease } from './lease.store';
import { originIn } from './manifest';
import { judgeReproduction, type Recorded } from './reproduction';
import { saveVerdict } from './reproduction.store';
import { mayTryAgain } from './run';
import { lockRun } from './run.store';
import { manifestOf, runOfWork } from './task-of-work';

export interface SettleDeps {
  database: Database;
  blobs: Blobs;
  log: Logger;
}

/** Records how a process ended. Who lost the lease writes nothing: another replica works on it, or it was cancelled. */
export async function settleWork(deps: SettleDeps, lease: Lease, ending: Ending, seconds: number): Promise<void> {
  const { database } = deps;
  if (ending.type === 'stopped') return void (await database.transaction((tx) => releaseLease(tx, lease, false)));
  return lease.work === 'run' ? settleRun(deps, lease, ending, seconds) : settleReproduction(deps, lease, ending, seconds);
}
type Ended = Exclude<Ending, { type: 'stopped' }>;

async function settleRun({ database, blobs, log }: SettleDeps, lease: Lease, ending: Ended, seconds: number): Promise<void> {
  const artifact = ending.type === 'done' ? await blobs.put(ending.result.artifact) : '';
  const origin = ending.type === 'known' ? originIn(await manifestOf(blobs, await runOfWork(database, lease))) : {};
  await database.transaction(async (tx) => {
    if (!(await holds(tx, lease))) return;
    const run = (await lockRun(tx, lease.id))!;
    switch (ending.type) {
      case 'done': return completeRun(tx, run, artifact, ending.result, seconds);
      case 'known': return completeFromCache(tx, run, { from: ending.run, inputsDigest: ending.inputsDigest, origin }, seconds);
      case 'refused': return failRun(tx, run, ending.reason, seconds);
      case 'died': return diedOnce(log, tx, lease, ending.reason, () => failRun(tx, run, ending.reason, seconds));
    }
  });
}

async function settleReproduction({ database, blobs, log }: SettleDeps, lease: Lease, ending: Ended, seconds: number): Promise<void> {
  const run = await runOfWork(database, lease);
  const recorded: Recorded = { run, artifact: ending.type === 'done' ? await blobs.get(run.artifactDigest) : new Uint8Array() };
  await database.transaction(async (tx) => {
    if (!(await holds(tx, lease))) return;
    const failed = (failure: string): Promise<void> => saveVerdict(tx, lease.id, { state: 'failed', failure, seconds });
    if (ending.type === 'died') return diedOnce(log, tx, lease, ending.reason, () => failed(ending.reason));
    if (ending.type !== 'done') return failed(ending.type === 'refused' ? ending.reason : `Its inputs are those of run ${ending.run}.`);
    const differences = judgeReproduction(recorded, ending.result);
    const state = differences.length === 0 ? 'same' : 'different';
    await saveVerdict(tx, lease.id, { state, differences, seconds });
    await tx.decide({ subject: `run/${run.id}`, action: 'compare-reproduction', by: 'training', inputs: { reproduction: lease.id, artifact: run.artifactDigest }, outcome: { state, first: differences[0]?.what ?? null } });
  });
}

/** A first death is no verdict: the work is given back, to be tried once more. */
async function diedOnce(log: Logger, tx: Transaction, lease: Lease, reason: string, fail: () => Promise<void>): Promise<void> {
  log.warn({ [lease.work]: lease.id, reason }, 'the process of a run died');
  if (!mayTryAgain(await releaseLease(tx, lease, true))) await fail();
}
