import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { endRetrainings } from './window/retraining.store';

/** What a version that went back was asked for is over: it has had its answer. Who is live now, TrafficShifted tells. */
export const onTrafficRolledBack = shared('TrafficRolledBack', async (_deps: Deps, { payload }, tx) => {
  const { model, version, reason } = payload;
  await endRetrainings(tx, model, { at: tx.now, by: `version ${version} was rolled back${reason === '' ? '' : `: ${reason}`}`, version });
});
