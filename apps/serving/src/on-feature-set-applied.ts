import { shared } from '@rhei/runtime';
import type { Deps } from './deps';

/** Kept for all replicas; those learn of it from the deployments that read it, which are said once more. */
export const onFeatureSetApplied = shared('FeatureSetApplied', async ({ deployments }: Deps, { payload }, tx) => {
  // The deployments are held first: one that is applied meanwhile would read the old set, and nobody would tell it of the new one.
  const readers = await deployments.readersOf(tx, payload.name);
  if (!(await deployments.rememberFeatureSet(tx, payload))) return;
  for (const { name, version, ...spec } of readers) await tx.emit('DeploymentApplied', name, { name, version, specJson: JSON.stringify(spec) });
});
