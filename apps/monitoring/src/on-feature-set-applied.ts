import { parseDuration } from '@rhei/expressions';
import { shared } from '@rhei/runtime';
import { deploymentsOf, keepFeatureSet } from './copies.store';
import type { Deps } from './deps';
import { startWindows } from './window/start-windows';

export const onFeatureSetApplied = shared('FeatureSetApplied', async (_deps: Deps, { payload }, tx) => {
  const { request = {}, label } = JSON.parse(payload.specJson) as { request?: Record<string, string>; label?: { maturity?: string } };
  await keepFeatureSet(tx, { name: payload.name, maturity: parseDuration(label?.maturity ?? '0s'), request, features: payload.features });
  for (const deployment of await deploymentsOf(tx, payload.name)) await startWindows(tx, deployment);
});
