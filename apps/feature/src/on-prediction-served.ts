import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { addPredictions } from './set/example.store';

/** Notes as of when an example was predicted, so that its training row uses what the prediction knew. */
export const onPredictionServed = shared('PredictionServed', async (_deps: Deps, { payload: { featureSet, predictions } }, tx) => {
  const answered = predictions.filter(({ role, example }) => role !== 'shadow' && example !== '');
  await addPredictions(tx, answered.map(({ example, asOf }) => ({ featureSet, example, asOf })));
});
