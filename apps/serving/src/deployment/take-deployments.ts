import type { Deps } from '../deps';
import { switchTraffic } from '../on-model-version-promoted';
import { planDeployment } from '../traffic/plan-traffic';

/** Reads the deployments and feature sets into memory, where every request finds them. */
export async function learnDeployments({ deployments, catalogue }: Deps): Promise<void> {
  catalogue.learn(await deployments.list(), await deployments.featureSets());
}

/**
 * Takes up all deployments: plans what their declarations and the champions that are known here ask for, and divides their
 * traffic so. What answered last comes first: should its successor turn out not to be servable, it goes on.
 * Errors: the first that occurred, after all were tried.
 */
export async function takeDeployments(deps: Deps): Promise<void> {
  await learnDeployments(deps);
  for (const { name } of deps.catalogue.all()) await planDeployment(deps, name);
  await takePlans(deps);
}

/** Divides the traffic of all deployments as planned. Errors: the first that occurred, after all were tried. */
export async function takePlans(deps: Deps): Promise<void> {
  const failures: unknown[] = [];
  for (const plan of await deps.plans.toTakeUp()) await switchTraffic(deps, plan).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
