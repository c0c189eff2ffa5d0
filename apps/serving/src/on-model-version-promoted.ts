import { broadcast } from '@rhei/runtime';
import type { Deps } from './deps';
import { Unservable } from './traffic/load-failure';
import { loadPlan } from './traffic/load-plan';
import type { Plan } from './traffic/plan';
import { planPromotion } from './traffic/plan-traffic';
import { refusePlan, reportSwitch } from './traffic/report-switch';
import type { Division } from './traffic/traffic';

/** Every replica plans what the promotion means for the deployments of the model, all the same, and divides their traffic so. */
export const onModelVersionPromoted = broadcast('ModelVersionPromoted', async (deps: Deps, { payload }) => {
  await planPromotion(deps, payload);
  for (const plan of await deps.plans.toTakeUp()) if (plan.model === payload.model) await switchTraffic(deps, plan);
});

/**
 * Divides the traffic of a deployment as planned, in the order that keeps answers right: fetch, verify the digest, vet, load,
 * warm up, *then* switch, then let the old version finish. An older plan changes nothing.
 */
export async function switchTraffic(deps: Deps, plan: Plan): Promise<void> {
  const { traffic, log } = deps;
  const now = traffic.of(plan.deployment)?.plan.revision ?? 0;
  if (now > plan.revision) return;
  // Switched already, but perhaps not said: the process may have ended in between.
  if (now === plan.revision) return reportSwitch(deps, plan);
  let division: Division;
  try {
    division = await loadPlan(deps, plan);
  } catch (error) {
    // What cannot be fetched now can be later; what must not be served stays out, and the old version goes on.
    if (!(error instanceof Unservable)) throw error;
    log.error({ err: error, deployment: plan.deployment, version: error.version.version }, 'a planned version cannot be loaded');
    // Where others do serve it, the fault is this replica's: it must not say that it is ready.
    if (!(await refusePlan(deps, plan, error))) throw error.cause;
    return;
  }
  const { switched, before } = traffic.switchTo(division);
  if (!switched) return traffic.release(division);
  try {
    await reportSwitch(deps, plan);
  } finally {
    if (before !== undefined) await traffic.release(before);
  }
}
