import { deadlineExceeded, RheiError, unavailable, type feature } from '@rhei/contracts';
import { currentTraceparent, type Call, type Instant } from '@rhei/runtime';
import type { Deployment, FeatureSet } from '../deployment/deployment.store';
import type { Deps } from '../deps';
import { answering } from '../traffic/canary';
import type { Division, Loaded } from '../traffic/traffic';
import type { LedgerRow } from './ledger.store';
import type { FieldValues } from './request-fields';
import { scoreVectors } from './score-vectors';
import type { Vectors } from './vector-lookups';

/** A checked request: one question per row. */
export interface Question {
  deployment: Deployment;
  featureSet: FeatureSet;
  /** Undefined: nothing is live, and the fallback answers. */
  division: Division | undefined;
  /** Whether the rows are vectors for the live version, which the caller named. */
  named: boolean;
  requests: LedgerRow['request'][];
  ids: string[];
  digests: string[];
  caller: Call;
}

/** What a declared fallback stands in for. What is wrong with a request is the caller's to mend. */
const standsInFor = new Set(['NO_LIVE_VERSION', 'NO_FEATURES', 'FEATURES_DIFFER', 'NO_SCORE']);

type Needs = Pick<Deps, 'clock' | 'lookups' | 'writer' | 'log' | 'fallbacks'>;

/** The rows of an answer as the ledger keeps them: scored, or the declared answer where that is not possible. */
export async function scoreQuestion(deps: Needs, question: Question): Promise<LedgerRow[]> {
  const { deployment: { name, fallback }, named, caller } = question;
  try {
    return await scored(deps, question);
  } catch (error) {
    const reason = error instanceof RheiError ? error.details.reason : undefined;
    if (fallback === undefined || named || reason === undefined || !standsInFor.has(reason)) throw error;
    if (caller.signal.aborted || caller.remaining() <= 0) throw error;
    deps.fallbacks.count(name, reason);
    return declared(question, deps.clock.now(), fallback.probability, reason);
  }
}

/** The refusal of a deployment that cannot answer yet. */
export const noLiveVersion = ({ name, model }: Deployment): RheiError =>
  unavailable(`Deployment "${name}" has no live version.`, { reason: 'NO_LIVE_VERSION', retryAfter: 1_000, hint: `promote a version of model "${model}"` });

async function scored(deps: Needs, question: Question): Promise<LedgerRow[]> {
  const { deployment, featureSet, division, named, requests, ids, digests, caller } = question;
  if (division === undefined) throw noLiveVersion(deployment);
  const { live, plan } = division;
  const { asOf, version: featureSetVersion, vectors } = named
    ? { asOf: deps.clock.now(), version: 0, vectors: requests.map(({ features }) => rawVector(live.session.features, features as (number | null)[])) }
    : await fetchVectors(deps, question);
  if (caller.signal.aborted || caller.remaining() <= 0) throw deadlineExceeded('The deadline passed while the features were fetched.');
  const traceparent = currentTraceparent();
  const rowOf = (row: number, { version, digest }: Loaded, rest: Pick<LedgerRow, 'role' | 'outputs'> & { error?: string }): LedgerRow => ({
    id: ids[row], version, deployment: deployment.name, model: plan.model, featureSet: featureSet.name, featureSetVersion, digest, example: vectors[row].example, exampleTime: vectors[row].exampleTime, asOf,
    inputsDigest: digests[row], request: requests[row], features: vectors[row].features, traceparent, traffic: plan.revision, reason: '', error: '', ...rest,
  });
  const versions = named ? requests.map(() => live) : requests.map((request, row) => answering(division, featureSet, ids[row], request as FieldValues));
  const scores = await scoreTried(deps, question, versions, vectors);
  const rest = [...versions.keys()].filter((row) => versions[row] === live);
  if (rest.length > 0) {
    try {
      const byLive = await scoreVectors(live, plan.model, featureSet.name, rest.map((row) => vectors[row]));
      rest.forEach((row, at) => { scores[row] = byLive[at]; });
    } catch (error) {
      // Kept for the figures of a rollout, which would otherwise see only what went well.
      const failed = rest.map((row) => rowOf(row, live, { role: 'failed', outputs: {}, error: (error as Error).message }));
      if (!named) await deps.writer.write(failed).catch((cause: unknown) => deps.log.warn({ err: cause }, 'a failure to score could not be kept'));
      throw error;
    }
  }
  return versions.map((version, row) => rowOf(row, version, { role: named ? 'named' : version === live ? 'live' : 'canary', outputs: { probability: scores[row] } }));
}

/** The scores of the rows that a canary answers. Where it cannot, the live version does: nobody fails because something is tried. */
async function scoreTried({ log }: Pick<Deps, 'log'>, { division, deployment, featureSet }: Question, versions: Loaded[], vectors: feature.FeatureVector[]): Promise<number[]> {
  const scores: number[] = [];
  const { live, plan } = division!;
  const tried = [...versions.keys()].filter((row) => versions[row] !== live);
  if (tried.length === 0) return scores;
  try {
    const byCandidate = await scoreVectors(versions[tried[0]], plan.model, featureSet.name, tried.map((row) => vectors[row]));
    tried.forEach((row, at) => { scores[row] = byCandidate[at]; });
  } catch (error) {
    log.warn({ err: error, deployment: deployment.name, version: versions[tried[0]].version }, 'a canary could not score; the live version answers');
    for (const row of tried) versions[row] = live;
  }
  return scores;
}

function declared({ deployment, featureSet, division, requests, ids, digests }: Question, asOf: Instant, probability: number, reason: string): LedgerRow[] {
  const traceparent = currentTraceparent();
  return requests.map((request, row) => ({
    id: ids[row], version: 0, role: 'fallback', deployment: deployment.name, model: deployment.model, featureSet: featureSet.name, featureSetVersion: 0, digest: '', example: '', exampleTime: 0, asOf,
    inputsDigest: digests[row], request, features: [], outputs: { probability }, traceparent, traffic: division?.plan.revision ?? 0, reason, error: '',
  }));
}

async function fetchVectors({ lookups }: Pick<Deps, 'lookups'>, { deployment, featureSet, requests, caller }: Question): Promise<Vectors> {
  // The answer, or the refusal, wants time as well; and who declares another answer wants it while there is time left to give it.
  const limit = caller.remaining() * (deployment.fallback === undefined ? 0.75 : 0.5);
  try {
    return await lookups.fetch(featureSet.name, requests as FieldValues[], { limit, signal: caller.signal });
  } catch (error) {
    // What is wrong with a field or a value is the caller's; all else speaks of serving's peer, and the same question may be answered later.
    if (!(error instanceof RheiError) || error.code === 'invalid' || error.code === 'rejected') throw error;
    if (caller.signal.aborted || caller.remaining() <= 0) throw deadlineExceeded('The deadline passed while the features were fetched.');
    throw unavailable(`The features of set "${featureSet.name}" cannot be had: ${error.message}`, { reason: 'NO_FEATURES', retryAfter: error.details.retryAfter ?? 500 });
  }
}

const rawVector = (names: readonly string[], values: (number | null)[]): feature.FeatureVector => ({
  example: '', exampleTime: 0,
  features: names.map((name, index) => ({ name, value: values[index] ?? undefined, eventTime: 0, age: 0, freshness: 4 })),
});
