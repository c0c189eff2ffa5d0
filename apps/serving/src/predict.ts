import { conflict, deadlineExceeded, forbidden, invalid, notFound, unavailable, type feature } from '@rhei/contracts';
import { call, mayActFor, type Call, type Instant } from '@rhei/runtime';
import { randomUUID } from 'node:crypto';
import type { Deps } from './deps';
import type { Deployment, FeatureSet } from './deployment.store';
import { inputsDigest, type LedgerRow } from './ledger.store';
import { rowsOfTensors, type FieldValues } from './request-fields';
import type { Tensor } from './tensors';
import type { Live } from './traffic';

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

/** Answers one request: features as known now, the live version's score, the ledger, then the caller. */
export function predict(deps: Deps, command: PredictCommand, caller: Call): Promise<Answer> {
  return deps.admission.run(async () => {
    // A call whose time ran out while it waited is not worth any work.
    if (caller.signal.aborted || caller.remaining() <= 0) throw deadlineExceeded('The deadline passed while the request waited for its turn.');
    const { deployment, featureSet } = findDeployment(deps, command.deployment);
    if (!mayActFor(caller.principal, 'application', deployment.name)) {
      throw forbidden(`"${caller.principal.name}" may not ask deployment "${deployment.name}".`, { expected: `role application:${deployment.name}, application or admin` });
    }
    const live = deps.traffic.of(deployment.model);
    if (live === undefined || featureSet === undefined) {
      throw unavailable(`Deployment "${deployment.name}" has no live version.`, { reason: 'NO_LIVE_VERSION', retryAfter: 1_000, hint: `promote a version of model "${deployment.model}"` });
    }
    if (command.version !== '' && command.version !== String(live.version)) {
      throw notFound(`Version ${command.version} of deployment "${deployment.name}" is not live.`, { expected: String(live.version), got: command.version });
    }
    return deps.traffic.using(live, () => answer(deps, { command, deployment, featureSet, live, caller }));
  });
}

function findDeployment(deps: Deps, name: string): { deployment: Deployment; featureSet?: FeatureSet } {
  const found = deps.known.get(name);
  if (found === undefined) throw notFound(`There is no deployment "${name}".`, { expected: [...deps.known.keys()].join(', ') || 'none is applied yet', got: name });
  return found;
}

interface Question {
  command: PredictCommand;
  deployment: Deployment;
  featureSet: FeatureSet;
  live: Live;
  caller: Call;
}

async function answer(deps: Deps, question: Question): Promise<Answer> {
  const { command, deployment, featureSet } = question;
  const requests: LedgerRow['request'][] = command.version === ''
    ? rowsOfTensors(deployment.name, featureSet.request, command.tensors)
    : vectorsOf(deployment.name, featureSet.features, command.tensors).map((features) => ({ features }));
  const id = command.id === '' ? randomUUID() : command.id;
  const ids = requests.map((_, row) => (requests.length === 1 ? id : `${id}/${row}`));
  const digests = requests.map((request) => inputsDigest(`${deployment.name}:${command.version}`, request));
  if (command.id !== '') {
    const recorded = await recordedAnswer(deps, id, ids, digests);
    if (recorded !== undefined) return recorded;
  }
  const rows = await score(deps, question, requests, ids, digests);
  const written = await deps.writer.write(rows);
  if (rows.every((row) => written.has(row.id))) return { id, version: question.live.version, asOf: rows[0].asOf, rows };
  // The same id was answered by somebody else in the meantime: what was recorded is the answer.
  return (await recordedAnswer(deps, id, ids, digests))!;
}

/** What was answered to these ids before. Errors: `conflict` ID_REUSED when the inputs were others. */
async function recordedAnswer({ ledger }: Deps, id: string, ids: string[], digests: string[]): Promise<Answer | undefined> {
  const found = await ledger.find(ids);
  if (found.length === 0) return undefined;
  const byId = new Map(found.map((row) => [row.id, row]));
  const rows = ids.map((one, index) => {
    const row = byId.get(one);
    if (row === undefined || row.inputsDigest !== digests[index]) {
      throw conflict(`Prediction "${one}" is on record with other inputs.`, { reason: 'ID_REUSED', field: 'id', hint: 'an id names one question: use a new one' });
    }
    return row;
  });
  return { id, version: rows[0].version, asOf: rows[0].asOf, rows };
}

async function score(deps: Deps, question: Question, requests: LedgerRow['request'][], ids: string[], digests: string[]): Promise<LedgerRow[]> {
  const { command, deployment, featureSet, live, caller } = question;
  const asOf = deps.clock.now();
  const vectors = command.version === ''
    ? await fetchVectors(deps, featureSet, requests as FieldValues[], asOf, caller)
    : requests.map(({ features }) => rawVector(featureSet.features, features as (number | null)[]));
  if (caller.signal.aborted || caller.remaining() <= 0) throw deadlineExceeded('The deadline passed while the features were fetched.');
  const flat = Float32Array.from(vectors.flatMap(({ features }) => features.map(({ value }) => value ?? NaN)));
  const scores = await live.session.score(flat);
  return requests.map((request, row) => ({
    id: ids[row], version: live.version, role: command.version === '' ? 'live' : 'named', deployment: deployment.name, model: live.model,
    featureSet: featureSet.name, digest: live.digest, example: vectors[row].example, exampleTime: vectors[row].exampleTime, asOf,
    inputsDigest: digests[row], request, features: vectors[row].features, outputs: { probability: scores[row] },
  }));
}

async function fetchVectors(deps: Deps, featureSet: FeatureSet, requests: FieldValues[], asOf: Instant, caller: Call): Promise<feature.FeatureVector[]> {
  const rows = requests.map((fields) => ({ fieldsJson: JSON.stringify(fields) }));
  const deadline = Math.min(featureDeadline, caller.remaining());
  const { vectors } = await call(deps.features, 'getFeatures', { featureSet: featureSet.name, version: 0, asOf, rows }, { deadline });
  return vectors;
}

const rawVector = (names: string[], values: (number | null)[]): feature.FeatureVector => ({
  example: '', exampleTime: 0,
  features: names.map((name, index) => ({ name, value: values[index] ?? undefined, eventTime: 0, age: 0, freshness: 4 })),
});

/** Rows of the raw tensor `features` FP32 [n, F]. */
function vectorsOf(deployment: string, names: string[], tensors: Tensor[]): (number | null)[][] {
  const [tensor] = tensors;
  const wanted = `one input "features" FP32[n,${names.length}]`;
  const got = tensors.map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join(',')}]`).join(', ') || 'nothing';
  if (tensors.length !== 1 || tensor.name !== 'features' || tensor.datatype !== 'FP32' || tensor.shape.length !== 2 || tensor.shape[1] !== names.length || tensor.shape[0] === 0) {
    throw invalid(`A named version of deployment "${deployment}" takes ${wanted}; the request has ${got}.`, { field: 'features', expected: wanted, got, hint: `the columns are ${names.join(', ')}` });
  }
  return Array.from({ length: tensor.shape[0] }, (_, row) =>
    names.map((_, column) => {
      const value = tensor.data[row * names.length + column] as number;
      return Number.isNaN(value) ? null : value;
    }));
}
