import { conflict, deadlineExceeded, forbidden, invalid, RheiError, unavailable, type feature } from '@rhei/contracts';
import { annotate, call, currentTraceparent, mayActFor, type Call, type Instant } from '@rhei/runtime';
import { randomUUID } from 'node:crypto';
import { versionNotLive } from '../deployment/describe-model';
import type { Deps } from '../deps';
import type { Deployment, FeatureSet } from '../deployment/deployment.store';
import { inTime } from './in-time';
import { inputsDigest, type LedgerRow } from './ledger.store';
import { rowsOfTensors, type FieldValues } from './request-fields';
import { checkText, type Tensor } from './tensors';
import { vectorsOfTensor } from './raw-vectors';
import type { Live } from '../traffic/traffic';

export interface PredictCommand {
  deployment: string;
  /** Empty: the live version, with features that we fetch. Else the raw tensor `features` for that version. */
  version: string;
  /** Empty: one is made. Row i of several is `<id>/<i>`. */
  id: string;
  tensors: Tensor[];
}

export interface Answer {
  id: string;
  version: number;
  asOf: Instant;
  rows: Pick<LedgerRow, 'id' | 'features' | 'outputs'>[];
}

const featureDeadline = 250;
const longestId = 256;

/** Answers one request: features as known now, the live version's score, the ledger, then the caller. */
export async function predict(deps: Deps, command: PredictCommand, caller: Call): Promise<Answer> {
  checkId(command.id);
  const answered = deps.admission.run(async () => {
    // A call whose time ran out while it waited is not worth any work.
    if (caller.signal.aborted || caller.remaining() <= 0) throw deadlineExceeded('The deadline passed while the request waited for its turn.');
    if (!mayActFor(caller.principal, 'application', command.deployment)) {
      const name = command.deployment.slice(0, 100);
      throw forbidden(`"${caller.principal.name}" may not ask deployment "${name}".`, { expected: `role application:${name}, application or admin` });
    }
    const { deployment, featureSet } = deps.catalogue.find(command.deployment);
    const live = deps.traffic.of(deployment.model);
    if (live === undefined || featureSet === undefined) {
      throw unavailable(`Deployment "${deployment.name}" has no live version.`, { reason: 'NO_LIVE_VERSION', retryAfter: 1_000, hint: `promote a version of model "${deployment.model}"` });
    }
    if (command.version !== '' && command.version !== String(live.version)) {
      throw versionNotLive(deployment.name, command.version, live.version);
    }
    return deps.traffic.using(live, () => answer(deps, { command, deployment, featureSet, live, caller }));
  }, caller.signal);
  return inTime(answered, caller);
}

/** It becomes a key of the ledger and of events. */
function checkId(id: string): void {
  if (id.length > longestId) throw invalid(`The id of the request has ${id.length} characters.`, { field: 'id', expected: `at most ${longestId} characters`, got: `${id.length} characters` });
  checkText('id', id);
}

interface Question {
  command: PredictCommand;
  deployment: Deployment;
  featureSet: FeatureSet;
  live: Live;
  caller: Call;
}

async function answer(deps: Deps, question: Question): Promise<Answer> {
  const { command, deployment, featureSet, live } = question;
  const requests: LedgerRow['request'][] = command.version === ''
    ? rowsOfTensors(deployment.name, featureSet.request, command.tensors)
    : vectorsOfTensor(deployment.name, live.session.features, command.tensors).map((features) => ({ features }));
  const id = command.id === '' ? randomUUID() : command.id;
  const ids = requests.map((_, row) => (requests.length === 1 ? id : `${id}/${row}`));
  annotate(() => ({ 'rhei.prediction.id': id, 'rhei.deployment': deployment.name, 'rhei.model.name': live.model, 'rhei.model.version': live.version }));
  const digests = requests.map((request) => inputsDigest(deployment.name, command.version, request, requests.length));
  if (command.id !== '') {
    const recorded = await recordedAnswer(deps, id, ids, digests);
    if (recorded !== undefined) return recorded;
  }
  const rows = await score(deps, question, requests, ids, digests);
  if (await deps.writer.write(rows)) return { id, version: live.version, asOf: rows[0].asOf, rows };
  // The same id was answered by somebody else in the meantime: what was recorded is the answer.
  return (await recordedAnswer(deps, id, ids, digests))!;
}

/** What was answered to these ids before. Errors: `conflict` ID_REUSED when the inputs were others. */
async function recordedAnswer({ ledger }: Deps, id: string, ids: string[], digests: string[]): Promise<Answer | undefined> {
  const single = ids.length === 1;
  const found = await ledger.find(single ? [id, `${id}/0`] : [id, ...ids]);
  const byId = new Map(found.map((row) => [row.id, row]));
  // The same id with another number of rows has other rows; a row with an id of its own that looks like it is another question.
  const other = byId.get(single ? `${id}/0` : id);
  if (other !== undefined && (!single || other.inputsDigest !== inputsDigest(other.deployment, other.role === 'named' ? String(other.version) : '', other.request, 1))) throw idReused(id);
  if (!ids.some((one) => byId.has(one))) return undefined;
  const rows = ids.map((one, index) => {
    const row = byId.get(one);
    if (row === undefined || row.inputsDigest !== digests[index]) {
      throw idReused(one);
    }
    return row;
  });
  return { id, version: rows[0].version, asOf: rows[0].asOf, rows };
}

const idReused = (id: string): RheiError =>
  conflict(`Prediction "${id}" is on record with other inputs.`, { reason: 'ID_REUSED', field: 'id', hint: 'an id names one question: use a new one' });

async function score(deps: Deps, question: Question, requests: LedgerRow['request'][], ids: string[], digests: string[]): Promise<LedgerRow[]> {
  const { command, deployment, featureSet, live, caller } = question;
  const asOf = deps.clock.now();
  const vectors = command.version === ''
    ? await fetchVectors(deps, featureSet, requests as FieldValues[], asOf, caller)
    : requests.map(({ features }) => rawVector(live.session.features, features as (number | null)[]));
  if (caller.signal.aborted || caller.remaining() <= 0) throw deadlineExceeded('The deadline passed while the features were fetched.');
  const scores = await live.session.score(inputOf(live, vectors, featureSet));
  const traceparent = currentTraceparent();
  return requests.map((request, row) => ({
    id: ids[row], version: live.version, role: command.version === '' ? 'live' : 'named', deployment: deployment.name, model: live.model,
    featureSet: featureSet.name, digest: live.digest, example: vectors[row].example, exampleTime: vectors[row].exampleTime, asOf,
    inputsDigest: digests[row], request, features: vectors[row].features, outputs: { probability: scores[row] }, traceparent,
  }));
}

async function fetchVectors(deps: Deps, featureSet: FeatureSet, requests: FieldValues[], asOf: Instant, caller: Call): Promise<feature.FeatureVector[]> {
  const rows = requests.map((fields) => ({ fieldsJson: JSON.stringify(fields) }));
  const deadline = Math.min(featureDeadline, caller.remaining());
  try {
    const { vectors } = await call(deps.features, 'getFeatures', { featureSet: featureSet.name, version: 0, asOf, rows }, { deadline, signal: caller.signal });
    return vectors;
  } catch (error) {
    // What is wrong with a field or a value is the caller's; all else speaks of serving's peer, and the same question may be answered later.
    if (!(error instanceof RheiError) || error.code === 'invalid' || error.code === 'rejected') throw error;
    if (caller.signal.aborted || caller.remaining() <= 0) throw deadlineExceeded('The deadline passed while the features were fetched.');
    throw unavailable(`The features of set "${featureSet.name}" cannot be had: ${error.message}`, { reason: 'NO_FEATURES', retryAfter: error.details.retryAfter ?? 500 });
  }
}

/** The rows in the order of the model's own inputs: a feature set may have changed since the model learned. Errors: `unavailable` when it lacks one. */
function inputOf(live: Live, vectors: feature.FeatureVector[], featureSet: FeatureSet): Float32Array {
  const names = live.session.features;
  const places = new Map(vectors[0].features.map(({ name }, place) => [name, place]));
  const lacking = names.filter((name) => !places.has(name));
  if (lacking.length > 0) {
    throw unavailable(`Version ${live.version} of model "${live.model}" learned from ${lacking.join(', ')}, which feature set "${featureSet.name}" no longer gives.`, {
      reason: 'FEATURES_DIFFER', hint: 'promote a version that was trained on the present feature set', retryAfter: 30_000,
    });
  }
  return Float32Array.from(vectors.flatMap(({ features }) => names.map((name) => features[places.get(name)!].value ?? NaN)));
}

const rawVector = (names: readonly string[], values: (number | null)[]): feature.FeatureVector => ({
  example: '', exampleTime: 0,
  features: names.map((name, index) => ({ name, value: values[index] ?? undefined, eventTime: 0, age: 0, freshness: 4 })),
});
