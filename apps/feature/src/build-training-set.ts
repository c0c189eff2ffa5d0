import { feature } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { annotate, currentTraceparent } from '@rhei/runtime';
import type { Deps } from './deps';
import { raiseUnknownSet } from './get-features';
import { idOf, type TrainingSet, type TrainingSetState } from './training-set/training-set';
import { askFor, findTrainingSet } from './training-set/training-set.store';

const states: Record<TrainingSetState, feature.BuildState> = {
  building: feature.BuildState.BUILDING, built: feature.BuildState.BUILT, failed: feature.BuildState.FAILED,
};

/** Starts a training set as known at `asOf` (0: now) by version (0: the newest), or tells how it stands. The same request is built once. */
export async function buildTrainingSet({ database, definitions, builds }: Pick<Deps, 'database' | 'definitions' | 'builds'>, request: feature.BuildTrainingSetRequest): Promise<feature.BuildTrainingSetResponse> {
  const definitionsNow = await definitions.read(database);
  const { version } = definitionsNow.set(request.featureSet, request.version) ?? raiseUnknownSet(definitionsNow, request.featureSet, request.version);
  const found = await database.transaction(async (tx) => {
    const wanted = { featureSet: request.featureSet, version, asOf: request.asOf === 0 ? tx.now : request.asOf, requireFullWindows: request.requireFullWindows };
    const id = idOf(wanted);
    const known = await findTrainingSet(tx, id);
    if (known !== undefined) return known;
    const asked: TrainingSet = { ...wanted, id, state: 'building', manifestDigest: '', error: '', traceparent: currentTraceparent() };
    await askFor(tx, asked, tx.now);
    return asked;
  });
  annotate(() => ({ 'rhei.training_set.id': found.id, 'rhei.feature_set': found.featureSet }));
  if (found.state === 'building') builds.wake();
  return {
    id: found.id, state: states[found.state], manifestDigest: found.manifestDigest,
    manifestJson: found.manifest === undefined ? '' : canonicalJson(found.manifest), error: found.error,
  };
}
