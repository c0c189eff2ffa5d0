import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { insertJudgement } from './history.store';

/** Kept with the version; what follows from it is decided where it was judged. */
export const onPromotionJudged = shared('PromotionJudged', async (_deps: Deps, { payload }, tx) => insertJudgement(tx, payload));
