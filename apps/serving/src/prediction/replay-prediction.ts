import { notFound, RheiError, type feature, type serving } from '@rhei/contracts';
import { call, type Call } from '@rhei/runtime';
import type { Deps } from '../deps';
import { asMessage, unknownPrediction, type LedgerRow } from './ledger.store';
import { scoreVectors } from './score-vectors';

/**
 * Scores the features on record with the file on record once more, and asks feature for the vector as of the same instant, by the
 * version of the set that gave it; what was served before that was kept is compared with the newest one.
 * Errors: `not_found` for an id or a version that is not on record, or a file that is gone.
 */
export async function replayPrediction(deps: Pick<Deps, 'ledger' | 'sessions' | 'features'>, { id, version }: serving.ReplayPredictionRequest, caller: Call): Promise<serving.ReplayPredictionResponse> {
  const rows = (await deps.ledger.all(id)).filter(({ role }) => role !== 'failed');
  const row = version === 0 ? rows[0] : rows.find((one) => one.version === version);
  if (row === undefined) {
    if (rows.length === 0) throw unknownPrediction(id);
    throw notFound(`Version ${version} did not score prediction "${id.slice(0, 100)}".`, { field: 'version', expected: rows.map((one) => one.version).join(' or '), got: String(version), hint: '0 is the one that answered' });
  }
  const [scored, compared] = await Promise.all([scoreAgain(deps, row), compareFeatures(deps, row, caller)]);
  return { deployment: row.deployment, model: row.model, prediction: asMessage(row), ...scored, ...compared };
}

async function scoreAgain({ sessions }: Pick<Deps, 'sessions'>, row: LedgerRow): Promise<Pick<serving.ReplayPredictionResponse, 'outputs' | 'equal'>> {
  // The declared answer is not computed: it is what was declared.
  if (row.role === 'fallback') return { outputs: {}, equal: true };
  const held = await sessions.hold(row.digest);
  const failed = row.error !== '';
  try {
    const [probability] = await scoreVectors({ version: row.version, digest: row.digest, session: held.session }, row.model, row.featureSet, [row]);
    return { outputs: { probability }, equal: !failed && Object.is(probability, row.outputs.probability) };
  } catch (error) {
    // What could not be scored then cannot be scored now: that is the same.
    if (failed && error instanceof RheiError) return { outputs: {}, equal: true };
    throw error;
  } finally {
    await held.release();
  }
}

type Comparison = Pick<serving.ReplayPredictionResponse, 'featuresEqual' | 'differences' | 'notCompared'>;

async function compareFeatures({ features }: Pick<Deps, 'features'>, { role, featureSet, featureSetVersion, request, features: recorded, asOf }: LedgerRow, caller: Call): Promise<Comparison> {
  const not = (notCompared: string): Comparison => ({ featuresEqual: false, differences: [], notCompared });
  if (role === 'named') return not('the caller gave the vector itself');
  if (recorded.length === 0) return not('no features were had');
  if (featureSet === '') return not('it was made before its feature set was kept');
  try {
    const { vectors } = await call(features, 'getFeatures', { featureSet, version: featureSetVersion, asOf, rows: [{ fieldsJson: JSON.stringify(request) }] }, { deadline: Math.min(1_000, caller.remaining() / 2), signal: caller.signal });
    const differences = differencesOf(recorded, vectors[0].features);
    return { featuresEqual: differences.length === 0, differences, notCompared: '' };
  } catch (error) {
    if (!(error instanceof RheiError)) throw error;
    return not(error.message);
  }
}

function differencesOf(recorded: feature.FeatureValue[], now: feature.FeatureValue[]): serving.FeatureDifference[] {
  const names = [...new Set([...recorded, ...now].map(({ name }) => name))];
  const valueIn = (features: feature.FeatureValue[], name: string): number | undefined => features.find((one) => one.name === name)?.value ?? undefined;
  return names.map((name) => ({ name, recorded: valueIn(recorded, name), now: valueIn(now, name) })).filter((one) => !Object.is(one.recorded, one.now));
}
