import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { registerModelVersion } from './register-model-version';

export const onRunCompleted = shared('RunCompleted', async (deps: Deps, { payload }, tx) => registerModelVersion(deps, payload, tx));
