import type { Transaction } from '@rhei/runtime';
import type { Run } from './run';
import { saveEnd } from './run.store';

/** Ends a run that cannot bring a version, with a reason for people. The run is locked. */
export async function failRun(tx: Transaction, run: Run, reason: string, seconds = 0): Promise<void> {
  await saveEnd(tx, run.id, { state: 'failed', failure: reason, at: tx.now, seconds });
  await tx.emit('RunFailed', run.model, { run: run.id, plan: run.plan, model: run.model, asOf: run.asOf, reason });
}
