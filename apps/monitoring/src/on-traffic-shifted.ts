import { shared } from '@rhei/runtime';
import { keepLive } from './copies.store';
import type { Deps } from './deps';
import { endRetrainings } from './monitor.store';
import { startWindows } from './start-windows';

export const onTrafficShifted = shared('TrafficShifted', async (_deps: Deps, { payload }, tx) => {
  const { deployment, revision, model, version, digest, shiftedAt } = payload;
  await keepLive(tx, { deployment, revision, model, version, digest, from: shiftedAt });
  await endRetrainings(tx, model, { at: tx.now, by: `version ${version} is live`, version });
  await startWindows(tx, deployment);
});
