import { shared } from '@rhei/runtime';
import { keepVersion } from './copies.store';
import type { Deps } from './deps';

export const onModelVersionRegistered = shared('ModelVersionRegistered', async (_deps: Deps, { payload }, tx) => keepVersion(tx, payload));
