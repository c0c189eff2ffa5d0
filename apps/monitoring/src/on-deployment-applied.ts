import { shared } from '@rhei/runtime';
import { keepDeployment } from './copies.store';
import type { Deps } from './deps';
import { startWindows } from './window/start-windows';

export const onDeploymentApplied = shared('DeploymentApplied', async (_deps: Deps, { payload }, tx) => {
  const { model, featureSet } = JSON.parse(payload.specJson) as { model: string; featureSet: string };
  await keepDeployment(tx, { name: payload.name, model, featureSet });
  await startWindows(tx, payload.name);
});
