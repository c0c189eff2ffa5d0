import { feature, RheiError } from '@rhei/contracts';
import type { Database } from '@rhei/runtime';
import { beginRun } from './begin-run';
import { failRun } from './fail-run';
import type { Run } from './run';
import { lockRun, saveBuilding } from './run.store';

/** The one call that training makes: it starts a build, or tells how it stands. */
export type BuildTrainingSet = (request: feature.BuildTrainingSetRequest) => Promise<feature.BuildTrainingSetResponse>;

/**
 * Asks for the training set of a waiting run and keeps the answer.
 * @returns whether to ask again at once
 * @throws RheiError when the feature service is away: ask again later
 */
export async function askTrainingSet(deps: { database: Database; buildTrainingSet: BuildTrainingSet; wake(): void }, run: Run): Promise<boolean> {
  const answer = await ask(deps.buildTrainingSet, run);
  // Building still, as known: nothing to write.
  if (run.build === 'building' && answer.state === feature.BuildState.BUILDING) return false;
  return deps.database.transaction(async (tx) => {
    const now = await lockRun(tx, run.id);
    if (now?.state !== 'waiting') return false;
    switch (answer.state) {
      case feature.BuildState.BUILDING:
        return (await saveBuilding(tx, run.id, answer.id)) === 'unasked';
      case feature.BuildState.BUILT:
        await beginRun(deps, tx, now, answer);
        return false;
      default:
        await failRun(tx, now, `The training set could not be built: ${answer.error}`);
        return false;
    }
  });
}

async function ask(buildTrainingSet: BuildTrainingSet, run: Run): Promise<feature.BuildTrainingSetResponse> {
  try {
    return await buildTrainingSet({ featureSet: run.featureSet, version: run.featureSetVersion, asOf: run.asOf, requireFullWindows: true });
  } catch (error) {
    // What is wrong with the question will not get better by asking again.
    if (!(error instanceof RheiError) || !final.has(error.code)) throw error;
    return { id: '', state: feature.BuildState.FAILED, manifestDigest: '', manifestJson: '', error: error.message };
  }
}
const final = new Set(['invalid', 'not_found', 'conflict', 'rejected', 'too_large']);
