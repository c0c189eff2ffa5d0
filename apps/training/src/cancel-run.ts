import { conflict } from '@rhei/contracts';
import type { Deps } from './deps';
import { isOpen, type Run } from './run';
import { lockRun, runNamed, saveEnd } from './run.store';

/**
 * Ends an open run and its process. A run that is cancelled already stays so.
 * Errors: `not_found`; `conflict` (`RUN_ENDED`) when the run has another end.
 */
export async function cancelRun(deps: Deps, { run: id, by }: { run: string; by: string }): Promise<Run> {
  return deps.database.transaction(async (tx) => {
    const run = (await lockRun(tx, id)) ?? (await runNamed(tx, id));
    if (run.state === 'cancelled') return run;
    if (!isOpen(run.state)) throw conflict(`Run ${id} has ${run.state}; expected one that is waiting or running. Only an open run can be cancelled.`, {
      reason: 'RUN_ENDED', field: 'run', expected: 'a run that is waiting or running', got: `one that has ${run.state}`, hint: '"rhei runs list --state open" names them',
    });
    const failure = `cancelled by ${by}`;
    await saveEnd(tx, id, { state: 'cancelled', failure, at: tx.now });
    await tx.decide({ subject: `run/${id}`, action: 'cancel', by, inputs: { plan: run.plan }, outcome: { state: 'cancelled' } });
    // Who asked for the run is told that it brings no version.
    await tx.emit('RunFailed', run.model, { run: id, plan: run.plan, model: run.model, asOf: run.asOf, reason: failure });
    tx.afterCommit(() => deps.stopRun(id));
    return runNamed(tx, id);
  });
}
