import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { keepModel } from './known.store';

export const onModelApplied = shared('ModelApplied', async (_deps: Deps, { payload }, tx) => keepModel(tx, payload));
