import { shared } from '@rhei/runtime';
import type { Deps } from './deps';

export const onModelApplied = shared('ModelApplied', (deps: Deps, { payload }, tx) => deps.deployments.rememberModel(tx, payload.name));
