import { call } from '@rhei/runtime';
import type { Deps } from './deps';
import { switchTraffic } from './on-model-version-promoted';

/** Reads the deployments and feature sets into memory, where every request finds them. */
export async function learnDeployments({ deployments, known }: Deps): Promise<void> {
  const list = await deployments.list();
  for (const deployment of list) known.set(deployment.name, { deployment, featureSet: await deployments.featureSet(deployment.featureSet) });
}

/** Takes up all deployments and makes the champions that are known here answer. */
export async function takeDeployments(deps: Deps): Promise<void> {
  await learnDeployments(deps);
  for (const champion of await deps.deployments.champions()) await switchTraffic(deps, champion);
}

/**
 * The present state, before readiness and at every rejoin: first what this service remembers (it must answer when the
 * registry is away), then what the registry says, which may be newer.
 */
export async function refresh(deps: Deps): Promise<void> {
  await takeDeployments(deps);
  const { champions } = await call(deps.registry, 'listChampions', {}, { deadline: 2_000 });
  for (const champion of champions) {
    await deps.deployments.rememberChampion(champion);
    await switchTraffic(deps, champion);
  }
}
