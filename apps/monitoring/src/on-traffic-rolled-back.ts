import { shared } from '@rhei/runtime';
import { noteReturn } from './copies.store';
import type { Deps } from './deps';
import { endRetrainings } from './window/retraining.store';

/** What a version that went back was asked for is over: it has had its answer. Who is live now, TrafficShifted tells, which then is no promotion. */
export const onTrafficRolledBack = shared('TrafficRolledBack', async (_deps: Deps, { payload }, tx) => {
  const { deployment, model, version, live, reason } = payload;
  if (live !== version) await noteReturn(tx, { deployment, model, version, live });
  await endRetrainings(tx, model, { at: tx.now, by: `version ${version} was rolled back${reason === '' ? '' : `: ${reason}`}`, version });
});
