import type { Deps } from '../deps';
import { switchTraffic } from '../on-model-version-promoted';

/** Reads the deployments and feature sets into memory, where every request finds them. */
export async function learnDeployments({ deployments, catalogue }: Deps): Promise<void> {
  catalogue.learn(await deployments.list(), await deployments.featureSets());
}

/**
 * Takes up all deployments and makes the champions that are known here answer. What answered last comes first: should its
 * successor turn out not to be servable, it goes on. Errors: the first that occurred, after all were tried.
 */
export async function takeDeployments(deps: Deps): Promise<void> {
  await learnDeployments(deps);
  const failures: unknown[] = [];
  for (const champion of [...(await deps.switches.lastGood()), ...(await deps.deployments.champions())]) {
    await switchTraffic(deps, champion).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}
