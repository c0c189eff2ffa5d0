import { RheiError, unavailable, type serving } from '@rhei/contracts';
import type { Transaction } from '@rhei/runtime';
import type { Deps } from '../deps';
import { isTransient } from '../traffic/load-failure';
import { versionsOf, type Version } from '../traffic/plan';
import type { Loaded } from '../traffic/traffic';
import { besideRow, type LedgerRow } from './ledger.store';
import { scoreVectors } from './score-vectors';

const longestError = 500;

/**
 * Scores what was answered by every other version of the plan under which it was, from the features on record, and writes and
 * says that in the transaction that takes the event: no kill loses or doubles a score. One that cannot be made is a row too.
 */
export async function scoreShadows(deps: Pick<Deps, 'plans' | 'sessions' | 'ledger'>, payload: serving.PredictionServed, tx: Transaction): Promise<void> {
  // By number: two versions may be the same file, and each has its own rows.
  const work = new Map<number, { version: Version; predictions: serving.Prediction[] }>();
  for (const prediction of payload.predictions) {
    if (prediction.role !== 'live' && prediction.role !== 'canary') continue;
    const plan = await deps.plans.at(tx, payload.deployment, prediction.traffic);
    for (const version of plan === undefined ? [] : versionsOf(plan)) {
      if (version.version === prediction.version) continue;
      const entry = work.get(version.version) ?? { version, predictions: [] };
      work.set(version.version, entry);
      entry.predictions.push(prediction);
    }
  }
  const rows: LedgerRow[] = [];
  for (const { version, predictions } of work.values()) rows.push(...(await scoreBeside(deps, payload, version, predictions)));
  if (rows.length > 0) await deps.ledger.append(tx, rows);
}

async function scoreBeside({ sessions }: Pick<Deps, 'sessions'>, { deployment, model, featureSet }: serving.PredictionServed, version: Version, predictions: serving.Prediction[]): Promise<LedgerRow[]> {
  const rowOf = (prediction: serving.Prediction, score: number | undefined, error = ''): LedgerRow =>
    besideRow({ prediction, deployment, model, featureSet }, version, score, error.slice(0, longestError));
  let held;
  try {
    held = await sessions.hold(version.digest);
  } catch (error) {
    // A store that is away is waited for; a file that must not be served will never score.
    if (isTransient(error)) throw waitingFor(version, model, error as RheiError);
    return predictions.map((prediction) => rowOf(prediction, undefined, (error as Error).message));
  }
  const loaded: Loaded = { ...version, session: held.session };
  const score = (some: serving.Prediction[]): Promise<Float32Array> => scoreVectors(loaded, model, featureSet, some);
  try {
    const scores = await score(predictions);
    return predictions.map((prediction, row) => rowOf(prediction, scores[row]));
  } catch {
    // One row that cannot be scored is no fault of those that came with it.
    const rows: LedgerRow[] = [];
    for (const prediction of predictions) {
      rows.push(await score([prediction]).then(([alone]) => rowOf(prediction, alone), (error: unknown) => rowOf(prediction, undefined, (error as Error).message)));
    }
    return rows;
  } finally {
    await held.release();
  }
}

/** As a peer that is away: the event waits in its place, and no version is judged by a file that was not there. */
const waitingFor = ({ version }: Version, model: string, { message, details }: RheiError): RheiError =>
  unavailable(`Version ${version} of model "${model}" cannot be had to score beside: ${message}`, { retryAfter: details.retryAfter ?? 1_000 });
