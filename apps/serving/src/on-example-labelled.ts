import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { keepLabels } from './rollout/label.store';

/** Kept for rollouts that are judged by matured loss; they look at it by their timer. */
export const onExampleLabelled = shared('ExampleLabelled', (_deps: Deps, { payload }, tx) => keepLabels(tx, payload.labels));
