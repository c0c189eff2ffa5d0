import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { keepLabels } from './label.store';

export const onExampleLabelled = shared('ExampleLabelled', async (_deps: Deps, { payload }, tx) =>
  keepLabels(tx, payload.labels.map(({ featureSet, example, revision, value, arrival, maturesAt, withdrawn }) => ({ featureSet, example, revision, value, matureFrom: Math.max(arrival, maturesAt), withdrawn }))));
