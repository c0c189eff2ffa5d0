import { conflict, forbidden, gateNotMet, notFound, type registry } from '@rhei/contracts';
import { compare, comparison, judge, type GateResult, type Report } from './gates';
import type { ModelSpec } from './model-spec';

/**
 * - `gates_unmet`: not good enough, or compared with a champion that is champion no more
 * - `awaiting_approval`: gates met, a person has to say yes · `registered`: may be promoted
 * - `champion`: the one · `retired`: was champion and may be again · `rejected`: a person said no
 */
export type VersionState = 'registered' | 'gates_unmet' | 'awaiting_approval' | 'rejected' | 'champion' | 'retired';

/** Instants in microseconds. */
export interface Version {
  version: number;
  digest: string;
  run: string;
  author: string;
  state: VersionState;
  gates: GateResult[];
  /** The artifact that the run compared with; empty for none. */
  comparedWith: string;
  approvedBy: string;
  rejectedBy: string;
  /** What the person said who approved or rejected it. */
  reason: string;
  registeredAt: number;
  /** 0: never. */
  promotedAt: number;
  featureSet: string;
  featureSetVersion: number;
  fitUntil: number;
}

export interface Model {
  name: string;
  spec: ModelSpec;
  /** The champion's number; 0 before the first. */
  champion: number;
  /** Grows by one with every move of the alias. */
  revision: number;
  /** Ascending: version n stands at n − 1. */
  versions: Version[];
}

export type Candidate = Pick<Version, 'digest' | 'run' | 'author' | 'featureSet' | 'featureSetVersion' | 'fitUntil'>;
export interface Judgement { version: number; digest: string; by: string; reason: string }
export interface Promote { version: number; by: string; expectedRevision: number }

/** The next version of the model with its gates judged. It is not promoted by this. */
export function register(model: Model, candidate: Candidate, report: Report, now: number): Version {
  const gates = judge(model.spec.gates, report, championDigest(model));
  return {
    ...candidate, version: model.versions.length + 1, gates, comparedWith: report.championDigest,
    state: !gates.every(({ passed }) => passed) ? 'gates_unmet' : needsApproval(model) ? 'awaiting_approval' : 'registered',
    approvedBy: '', rejectedBy: '', reason: '', registeredAt: now, promotedAt: 0,
  };
}

/**
 * The version with the approval of `by`.
 * @throws forbidden for one's own work, conflict when another artifact was looked at or it is decided already, gate_not_met
 */
export function approve(model: Model, judgement: Judgement): Version {
  const version = undecided(model, judgement, 'approve');
  const unmet = gatesNow(model, version).filter(({ passed }) => !passed);
  if (unmet.length > 0) throw notMet(model, version, unmet.map(problemOf));
  return { ...version, gates: gatesNow(model, version), state: 'registered', approvedBy: judgement.by, reason: judgement.reason };
}

/**
 * The version, rejected by `by`.
 * @throws forbidden for one's own work, conflict when another artifact was looked at or it is decided already
 */
export function reject(model: Model, judgement: Judgement): Version {
  return { ...undecided(model, judgement, 'reject'), state: 'rejected', rejectedBy: judgement.by, reason: judgement.reason };
}

/**
 * Makes a version the champion. The caller persists the event's effect; see {@link evolve}.
 * @throws conflict RACE_LOST when the alias has moved since the caller looked; gate_not_met with all that is missing
 */
export function promote(model: Model, { version, by, expectedRevision }: Promote, now: number): registry.ModelVersionPromoted {
  const candidate = versionOf(model, version);
  if (expectedRevision !== 0 && expectedRevision !== model.revision) {
    throw conflict(`Model "${model.name}" is at revision ${model.revision} with champion ${model.champion || 'none'}; the promotion of version ${version} expected revision ${expectedRevision}. Look again, then decide.`,
      { reason: 'RACE_LOST', field: 'expected_revision', expected: `${expectedRevision}`, got: `${model.revision}` });
  }
  if (model.champion === version) throw conflict(`Version ${model.name}/${version} is the champion already.`);
  const problems = obstacles(model, candidate);
  if (problems.length > 0) throw notMet(model, candidate, problems);
  return {
    model: model.name, version, digest: candidate.digest, replaces: model.champion, replacesDigest: championDigest(model),
    revision: model.revision + 1, by, promotedAt: now, featureSet: candidate.featureSet, featureSetVersion: candidate.featureSetVersion,
    fitUntil: candidate.fitUntil, run: candidate.run, kind: 'promotion', reason: '',
  };
}

/** The model after the promotion: one champion, the former one retired, and whoever waited after a comparison with the former one unmet. */
export function evolve(model: Model, promoted: registry.ModelVersionPromoted): Model {
  const moved = { ...model, champion: promoted.version, revision: promoted.revision };
  return { ...moved, versions: model.versions.map((version) => {
    if (version.version === promoted.version) return { ...version, state: 'champion', promotedAt: promoted.promotedAt };
    if (version.state === 'champion') return { ...version, state: 'retired' };
    if ((version.state !== 'awaiting_approval' && version.state !== 'registered') || version.comparedWith === promoted.digest) return version;
    return { ...version, state: 'gates_unmet', gates: gatesNow(moved, version) };
  }) };
}

/** The version, or not_found. */
export function versionOf(model: Model, version: number): Version {
  const found = model.versions[version - 1];
  if (!found) throw notFound(`There is no version ${version} of model "${model.name}"; it has ${model.versions.length === 0 ? 'none yet' : `1 to ${model.versions.length}`}.`);
  return found;
}

export const withVersion = (model: Model, version: Version): Model =>
  ({ ...model, versions: [...model.versions.slice(0, version.version - 1), version, ...model.versions.slice(version.version)] });

export const championDigest = (model: Model): string => model.versions[model.champion - 1]?.digest ?? '';
const needsApproval = (model: Model): boolean => model.spec.approval === 'required';
const wasChampion = ({ state }: Version): boolean => state === 'champion' || state === 'retired';

/** The recorded gates, with the comparison judged against the champion of now. A former champion has been compared by use. */
function gatesNow(model: Model, version: Version): GateResult[] {
  if (wasChampion(version)) return version.gates;
  return version.gates.map((gate) => (gate.gate === comparison ? compare(version.comparedWith, championDigest(model)) : gate));
}

interface Problem { field: string; message: string; expected?: string; got?: string }

function obstacles(model: Model, version: Version): Problem[] {
  const unmet = gatesNow(model, version).filter(({ passed }) => !passed).map(problemOf);
  if (version.state === 'rejected') return [...unmet, { field: 'approval', message: `${version.rejectedBy} rejected it: ${version.reason || 'no reason given'}`, expected: 'an approval', got: 'a rejection' }];
  // A former champion was let in by the rules of its time; going back must stay possible when they have become stricter.
  if (!needsApproval(model) || version.approvedBy !== '' || wasChampion(version)) return unmet;
  return [...unmet, { field: 'approval', message: `it waits for an approval by somebody other than ${version.author}`, expected: 'an approval', got: 'none' }];
}

const problemOf = ({ gate, reason, inputs }: GateResult): Problem =>
  ({ field: gate, message: reason, got: Object.entries(inputs).map(([path, value]) => `${path} = ${value === null ? 'absent' : String(value)}`).join(', ') });

const notMet = (model: Model, { version }: Version, problems: Problem[]): Error =>
  gateNotMet(`Version ${model.name}/${version} cannot be promoted: ${problems.map(({ field, message, got }) => `${field} (${message}${got ? `; ${got}` : ''})`).join('; ')}.`, { problems });

function undecided(model: Model, { version, digest, by }: Judgement, verb: 'approve' | 'reject'): Version {
  const candidate = versionOf(model, version);
  const id = `${model.name}/${version}`;
  if (candidate.digest !== digest) {
    throw conflict(`Version ${id} has the artifact ${candidate.digest}; you wanted to ${verb} ${digest || 'one without a digest'}. Look at the version again.`,
      { reason: 'DIGEST_MISMATCH', field: 'digest', expected: candidate.digest, got: digest });
  }
  if (candidate.author === by) throw forbidden(`${by} is the author of version ${id} and cannot ${verb} it: another approver has to.`);
  if (wasChampion(candidate) || candidate.approvedBy !== '') throw conflict(`Version ${id} is decided already: ${candidate.approvedBy ? `${candidate.approvedBy} approved it` : 'it needed no approval'}.`, { reason: 'DECIDED' });
  if (candidate.state === 'rejected') throw conflict(`Version ${id} is decided already: ${candidate.rejectedBy} rejected it.`, { reason: 'DECIDED' });
  return candidate;
}
