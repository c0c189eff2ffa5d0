import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { scoreShadows } from './prediction/score-shadows';

/** What was answered is scored by the other versions of its deployment as well: after the answer, which waits for none of them. */
export const onPredictionServed = shared('PredictionServed', (deps: Deps, { payload }, tx) => scoreShadows(deps, payload, tx));
