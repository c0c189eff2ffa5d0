import type { serving } from '@rhei/contracts';
import { shared, type Transaction } from '@rhei/runtime';
import type { Deps } from './deps';
import { addPredictions } from './set/example.store';
import { ServedVectors } from './set/served';
import { countServed, keepDifferences } from './set/served.store';
import { rowsAt } from './view/lookup.store';

/**
 * Notes as of when an example was predicted, so that its training row uses what the prediction knew, and computes again
 * what was served. What scored in a shadow answered nobody.
 */
export const onPredictionServed = shared('PredictionServed', async (deps: Deps, { payload }, tx) => {
  const answered = payload.predictions.filter(({ role }) => role !== 'shadow');
  await addPredictions(tx, answered.filter(({ example }) => example !== '').map(({ example, asOf }) => ({ featureSet: payload.featureSet, example, asOf })));
  if (deps.config.SERVED_CHECK > 0) await checkServed(deps, { ...payload, predictions: answered }, tx);
});

/** One look-up for all; where a record that had arrived by then is taken in only later, the training row will say otherwise than this. */
async function checkServed({ definitions, config }: Pick<Deps, 'definitions' | 'config'>, { featureSet, shard, predictions }: serving.PredictionServed, tx: Transaction): Promise<void> {
  if (!predictions.some(({ features }) => features.length > 0)) return;
  const { sets, views } = await definitions.read(tx);
  const set = sets.get(featureSet);
  if (set === undefined) return;
  const served = new ServedVectors(set, views, predictions, config.SERVED_CHECK);
  if (served.count === 0) return;
  const differences = served.differences(await rowsAt(tx, served.lookups));
  await countServed(tx, featureSet, shard, served.count, new Set(differences.map(({ prediction }) => prediction)).size);
  await keepDifferences(tx, featureSet, differences);
}
