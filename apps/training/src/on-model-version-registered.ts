import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { keepVersion } from './known.store';

export const onModelVersionRegistered = shared('ModelVersionRegistered', async (_deps: Deps, { payload }, tx) => keepVersion(tx, payload));
