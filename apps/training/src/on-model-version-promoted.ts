import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { keepPromotion } from './known.store';

export const onModelVersionPromoted = shared('ModelVersionPromoted', async (_deps: Deps, { payload }, tx) => keepPromotion(tx, payload));
