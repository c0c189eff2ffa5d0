import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { findFeatureSet } from './known.store';
import { lockPlan, openRunOf, planOfModel } from './plan.store';
import { runOfRequest } from './run.store';
import { beginWaiting } from './start-run';

/** Starts a run for the request, or says why not. The same request starts one run. */
export const onRetrainingRequested = shared('RetrainingRequested', async (deps: Deps, { payload: request }, tx) => {
  const inputs = { request: request.id, monitor: request.monitor, model: request.model };
  const decline = (subject: string, reason: string): Promise<void> => tx.decide({ subject, action: 'decline', by: 'training', inputs, outcome: { reason } });

  const name = await planOfModel(tx, request.model);
  if (name === undefined) return decline(`model/${request.model}`, `no training plan names model "${request.model}"`);
  const plan = await lockPlan(tx, name);
  if (await runOfRequest(tx, name, request.id)) return;
  const open = await openRunOf(tx, name);
  if (open !== undefined) return decline(`plan/${name}`, `run ${open} is open`);
  const set = await findFeatureSet(tx, plan.spec.featureSet);
  if (!set) return decline(`plan/${name}`, `feature set "${plan.spec.featureSet}" was not applied`);
  await beginWaiting(deps, tx, plan, set, {
    cause: { kind: 'drift', id: request.id, reason: request.reason }, by: 'training', inputs, requestId: request.id,
  });
});
