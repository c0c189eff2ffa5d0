import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import type { RequestFields } from './request-fields';

/** Kept for all replicas, and in the memory of the one that heard it; the others read it at their next listing. */
export const onFeatureSetApplied = shared('FeatureSetApplied', async ({ deployments, catalogue }: Deps, { payload }, tx) => {
  await deployments.rememberFeatureSet(tx, payload);
  const { request } = JSON.parse(payload.specJson) as { request: RequestFields };
  tx.afterCommit(() => catalogue.learn([], [{ name: payload.name, version: payload.version, request }]));
});
