import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { keepLabels } from './known.store';

export const onExampleLabelled = shared('ExampleLabelled', async (_deps: Deps, { payload }, tx) => keepLabels(tx, payload.labels));
