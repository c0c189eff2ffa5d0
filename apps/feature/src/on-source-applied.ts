import { shared } from '@rhei/runtime';
import { addDefinition } from './definitions.store';
import type { Deps } from './deps';

/** Keeps a copy of the contract, against which the expressions of views and sets are checked. */
export const onSourceApplied = shared('SourceApplied', async (_deps: Deps, { payload: { name, version, specJson } }, tx) => {
  await addDefinition(tx, 'Source', name, version, JSON.parse(specJson), tx.now);
});
