import { shared } from '@rhei/runtime';
import { beginRun } from './begin-run';
import type { Deps } from './deps';
import { failRun } from './fail-run';
import { lockRunsWaitingFor, saveHeardTrainingSet } from './run.store';

/** The runs that wait for the training set go on with it. */
export const onTrainingSetBuilt = shared('TrainingSetBuilt', async (deps: Deps, { payload: built }, tx) => {
  for (const run of await lockRunsWaitingFor(tx, built.featureSet, built.asOf, built.id)) {
    // The answer that names the training set is still on its way: it finds a note that the set is built, and asks again.
    if (run.trainingSet === '') await saveHeardTrainingSet(tx, run.id, built.id);
    else if (built.manifestDigest === '') await failRun(tx, run, `The training set could not be built: ${built.error}`);
    else await beginRun(deps, tx, run, built);
  }
});
