import { conflict, deadlineExceeded, forbidden, invalid, type RheiError } from '@rhei/contracts';
import { annotate, mayActFor, type Call, type Instant } from '@rhei/runtime';
import { randomUUID } from 'node:crypto';
import { lossWindow } from '../deployment/deployment-spec';
import type { Deployment, FeatureSet } from '../deployment/deployment.store';
import { divisionOf, versionNotLive } from '../deployment/describe-model';
import type { Deps } from '../deps';
import type { Division } from '../traffic/traffic';
import { inTime } from './in-time';
import { inputsDigest, type LedgerRow } from './ledger.store';
import { vectorsOfTensor } from './raw-vectors';
import { rowsOfTensors } from './request-fields';
import { noLiveVersion, scoreQuestion } from './score-question';
import { checkText, type Tensor } from './tensors';

export interface PredictCommand {
  deployment: string;
  /** Empty: the versions that answer, with features that we fetch. Else the raw tensor `features` for that version. */
  version: string;
  /** Empty: one is made. Row i of several is `<id>/<i>`. */
  id: string;
  tensors: Tensor[];
}

export interface Answer {
  id: string;
  /** 0: no model made it. Of rows that several versions answered, the live one. */
  version: number;
  asOf: Instant;
  rows: Pick<LedgerRow, 'id' | 'version' | 'role' | 'features' | 'outputs' | 'reason'>[];
  /** Microseconds in which a crash may still take it from the ledger; absent: it is durable. */
  lossWindow?: number;
}

const longestId = 256;

/** Answers one request: features as known now, the score of the version that answers, the ledger, then the caller. */
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
    const division = divisionOf(deps, deployment);
    // Without its fields nobody can tell whether a request is sound, so no answer is given to it, not even the declared one.
    if (featureSet === undefined || (division === undefined && (deployment.fallback === undefined || command.version !== ''))) throw noLiveVersion(deployment);
    if (command.version !== '' && command.version !== String(division?.live.version)) throw versionNotLive(deployment.name, command.version, division?.live.version);
    const asked: Asked = { command, deployment, featureSet, division, caller };
    return division === undefined ? answer(deps, asked) : deps.traffic.using(division, () => answer(deps, asked));
  }, caller.signal);
  return inTime(answered, caller);
}

/** It becomes a key of the ledger and of events. */
function checkId(id: string): void {
  if (id.length > longestId) throw invalid(`The id of the request has ${id.length} characters.`, { field: 'id', expected: `at most ${longestId} characters`, got: `${id.length} characters` });
  checkText('id', id);
}

interface Asked {
  command: PredictCommand;
  deployment: Deployment;
  featureSet: FeatureSet;
  division: Division | undefined;
  caller: Call;
}

async function answer(deps: Deps, { command, deployment, featureSet, division, caller }: Asked): Promise<Answer> {
  const named = command.version !== '';
  const requests: LedgerRow['request'][] = named
    ? vectorsOfTensor(deployment.name, division!.live.session.features, command.tensors).map((features) => ({ features }))
    : rowsOfTensors(deployment.name, featureSet.request, command.tensors);
  const id = command.id === '' ? randomUUID() : command.id;
  const ids = requests.map((_, row) => (requests.length === 1 ? id : `${id}/${row}`));
  annotate(() => ({ 'rhei.prediction.id': id, 'rhei.deployment': deployment.name, 'rhei.model.name': deployment.model, 'rhei.model.version': division?.live.version ?? 0 }));
  const digests = requests.map((request) => inputsDigest(deployment.name, command.version, request, requests.length));
  if (command.id !== '') {
    const recorded = await recordedAnswer(deps, id, ids, digests);
    if (recorded !== undefined) return recorded;
  }
  const rows = await scoreQuestion(deps, { deployment, featureSet, division, named, requests, ids, digests, caller });
  // A virtual instant is exact: what is asked at it is durable before the clock moves on.
  if (deployment.ledger === 'async' && deps.clock.kind === 'system') {
    deps.writer.writeLater(rows);
    return { ...answerOf(id, rows), lossWindow };
  }
  if (await deps.writer.write(rows)) return answerOf(id, rows);
  // The same id was answered by somebody else in the meantime: what was recorded is the answer.
  return (await recordedAnswer(deps, id, ids, digests))!;
}

const answerOf = (id: string, rows: LedgerRow[]): Answer => ({ id, version: (rows.find(({ role }) => role === 'live') ?? rows[0]).version, asOf: rows[0].asOf, rows });

/** What was answered to these ids before. Errors: `conflict` ID_REUSED when the inputs were others. */
async function recordedAnswer({ ledger, writer }: Pick<Deps, 'ledger' | 'writer'>, id: string, ids: string[], digests: string[]): Promise<Answer | undefined> {
  const single = ids.length === 1;
  const wanted = single ? [id, `${id}/0`] : [id, ...ids];
  const byId = new Map([...(await ledger.find(wanted)), ...writer.unwritten(wanted)].map((row) => [row.id, row]));
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
  return answerOf(id, rows);
}

const idReused = (id: string): RheiError =>
  conflict(`Prediction "${id}" is on record with other inputs.`, { reason: 'ID_REUSED', field: 'id', hint: 'an id names one question: use a new one' });
