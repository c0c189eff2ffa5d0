import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { learnDeployments } from './take-deployments';

export const onFeatureSetApplied = shared('FeatureSetApplied', async (deps: Deps, { payload }, tx) => {
  await deps.deployments.rememberFeatureSet(tx, payload);
  tx.afterCommit(() => void learnDeployments(deps));
});
