import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { keepFeatureSet } from './known.store';

export const onFeatureSetApplied = shared('FeatureSetApplied', async (_deps: Deps, { payload }, tx) => keepFeatureSet(tx, payload));
