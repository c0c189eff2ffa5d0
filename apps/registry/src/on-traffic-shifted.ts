import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { keepTraffic } from './history.store';

/** Promoted is a decision, live is a fact: the card of a version says both. */
export const onTrafficShifted = shared('TrafficShifted', async (_deps: Deps, { payload }, tx) => keepTraffic(tx, payload));
