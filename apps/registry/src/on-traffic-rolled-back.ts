import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { rollBackModelVersion } from './roll-back-model-version';

export const onTrafficRolledBack = shared('TrafficRolledBack', async (_deps: Deps, { payload }, tx) => rollBackModelVersion(payload, tx));
