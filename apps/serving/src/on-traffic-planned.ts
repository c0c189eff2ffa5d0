import { broadcast } from '@rhei/runtime';
import type { Deps } from './deps';
import { switchTraffic } from './on-model-version-promoted';

/** Every replica takes up the newest plan of the deployment. */
export const onTrafficPlanned = broadcast('TrafficPlanned', async (deps: Deps, { payload }) => {
  for (const plan of await deps.plans.toTakeUp()) if (plan.deployment === payload.deployment) await switchTraffic(deps, plan);
});
