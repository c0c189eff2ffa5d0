import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { endRetrainings } from './window/retraining.store';

export const onRunFailed = shared('RunFailed', async (_deps: Deps, { payload }, tx) =>
  endRetrainings(tx, payload.model, { at: tx.now, by: `run ${payload.run} failed: ${payload.reason}` }));
