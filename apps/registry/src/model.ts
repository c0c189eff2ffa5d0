import { conflict, forbidden, gateNotMet, invalid, notFound, type ErrorDetails, type registry } from '@rhei/contracts';
import { compare, comparison, judge, type GateResult } from './gates';
import type { ModelSpec } from './model-spec';
import type { Report } from './report';

/**
 * - `gates_unmet`: not good enough, or compared with a champion that is champion no more
 * - `awaiting_approval`: gates met, a person has to say yes · `registered`: may be promoted
 * - `champion`: the one · `retired`: was champion and may be again · `rejected`: a person said no
 * - `rolled_back`: was champion and did harm; only a person who says so may promote it again
 * - `deprecated`: a person took it out of use
 */
export type VersionState = 'registered' | 'gates_unmet' | 'awaiting_approval' | 'rejected' | 'champion' | 'retired' | 'rolled_back' | 'deprecated';

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
  /** Who rolled it back or deprecated it, why, when, and from which state; `standing` says that nobody did. */
  brought: Brought;
  registeredAt: number;
  /** 0: never. */
  promotedAt: number;
  featureSet: string;
  featureSetVersion: number;
  fitUntil: number;
}

/** What took a version out of use; `before`: what had done so before, to be restored. */
export interface Brought { by: string; reason: string; at: number; from: VersionState | ''; before?: Brought }
const standing: Brought = { by: '', reason: '', at: 0, from: '' };

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
export interface Promote {
  version: number;
  by: string;
  /** The revision that the caller saw; 0: whatever it is. */
  expectedRevision: number;
  /** A rolled back version, all the same; asks for a reason. */
  despiteRollback?: boolean;
  reason?: string;
}
/** A person's word about a version, with a reason. */
export interface Statement { version: number; by: string; reason: string }

/** The next version of the model with its gates judged. It is not promoted by this. */
export function register(model: Model, candidate: Candidate, report: Report, now: number): Version {
  const gates = [...judge(model.spec.gates, report, championDigest(model)), ...knownHarm(model, candidate.digest)];
  return {
    ...candidate, version: model.versions.length + 1, gates, comparedWith: report.championDigest,
    state: !gates.every(({ passed }) => passed) ? 'gates_unmet' : needsApproval(model) ? 'awaiting_approval' : 'registered',
    approvedBy: '', rejectedBy: '', reason: '', brought: standing, registeredAt: now, promotedAt: 0,
  };
}

/** The same file under another number is the same model: what was rolled back does not come back by being trained again. */
function knownHarm({ name, versions }: Model, digest: string): GateResult[] {
  const bad = versions.findLast((version) => version.digest === digest && (version.state === 'rolled_back' || version.brought.before !== undefined));
  if (bad === undefined) return [];
  const { by, reason } = bad.brought.before ?? bad.brought;
  return [{
    gate: 'not rolled back before', rule: '', passed: false, inputs: { version: bad.version },
    reason: `it is the artifact of version ${name}/${bad.version}, which ${by} rolled back: ${reason || 'no reason given'}. A person may promote that version despite it`,
  }];
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
 * @throws conflict RACE_LOST when the alias has moved since the caller looked; gate_not_met with all that is missing;
 *   invalid when it is to be promoted despite its rollback and no reason is given
 */
export function promote(model: Model, { version, by, expectedRevision, despiteRollback = false, reason = '' }: Promote, now: number): registry.ModelVersionPromoted {
  const candidate = versionOf(model, version);
  if (expectedRevision !== 0 && expectedRevision !== model.revision) {
    throw conflict(`Model "${model.name}" is at revision ${model.revision} with champion ${model.champion || 'none'}; the promotion of version ${version} expected revision ${expectedRevision}. Look again, then decide.`,
      { reason: 'RACE_LOST', field: 'expected_revision', expected: `${expectedRevision}`, got: `${model.revision}` });
  }
  if (model.champion === version) throw conflict(`Version ${model.name}/${version} is the champion already.`, { reason: 'CHAMPION', field: 'version', expected: 'a version that is not champion', got: `${version}` });
  if (despiteRollback && reason.trim() === '') throw noReason('promoting a version despite its rollback');
  const problems = obstacles(model, candidate, despiteRollback);
  if (problems.length > 0) throw notMet(model, candidate, problems);
  return move(model, candidate, { by, kind: 'promotion', reason }, now);
}

const move = (model: Model, to: Version, how: Pick<registry.ModelVersionPromoted, 'by' | 'kind' | 'reason'>, now: number): registry.ModelVersionPromoted => ({
  model: model.name, version: to.version, digest: to.digest, replaces: model.champion, replacesDigest: championDigest(model),
  revision: model.revision + 1, promotedAt: now, featureSet: to.featureSet, featureSetVersion: to.featureSetVersion, fitUntil: to.fitUntil, run: to.run, ...how,
});

/** What serving says: it went back from `version` to `live`, undoing the promotion that made the alias' revision `promotion`. */
export interface RolledBack { version: number; live: number; promotion: number; by: string; reason: string; at: number }

/**
 * The model after a rollback, and the move of the alias if it made one: only while the alias still stands at the promotion
 * that is undone, and another version answers instead. Undefined: nothing is left to do.
 * @throws not_found for versions that do not exist
 */
export function rollBack(model: Model, { version, live, promotion, by, reason, at }: RolledBack, now: number): { model: Model; moved?: registry.ModelVersionPromoted } | undefined {
  const bad = versionOf(model, version);
  const marked = (from: Model): Model => withVersion(from, { ...bad, state: 'rolled_back', brought: { by, reason, at, from: bad.state } });
  if (model.champion !== version) return bad.state === 'retired' ? { model: marked(model) } : undefined;
  if (model.revision !== promotion || live === 0 || live === version) return undefined;
  const moved = move(model, versionOf(model, live), { by, kind: 'rollback', reason }, now);
  return { model: evolve(marked(model), moved), moved };
}

/**
 * The version, taken out of use by `by`.
 * @throws conflict for the champion, and for one that is deprecated already; invalid without a reason
 */
export function deprecate(model: Model, { version, by, reason }: Statement, now: number): Version {
  const found = versionOf(model, version);
  const id = `${model.name}/${version}`;
  if (reason.trim() === '') throw noReason(`deprecating version ${id}`);
  if (found.state === 'champion') throw conflict(`Version ${id} is the champion and cannot be deprecated.`, { reason: 'CHAMPION', field: 'version', expected: 'a version that is not champion', got: `${version}`, hint: 'promote another version first' });
  if (found.state === 'deprecated') throw conflict(`Version ${id} is deprecated already: ${found.brought.by} said "${found.brought.reason}".`, decided('a version in use', found));
  return { ...found, state: 'deprecated', brought: { by, reason, at: now, from: found.state, ...(found.state === 'rolled_back' && { before: found.brought }) } };
}

/**
 * The version in the state from which it was deprecated; one that waited is unmet if the champion has changed meanwhile.
 * @throws conflict when it is not deprecated; invalid without a reason
 */
export function restore(model: Model, { version, reason }: Statement): Version {
  const found = versionOf(model, version);
  if (reason.trim() === '') throw noReason(`restoring version ${model.name}/${version}`);
  if (found.state !== 'deprecated' || found.brought.from === '') throw conflict(`Version ${model.name}/${version} is not deprecated; it is ${found.state.replace('_', ' ')}.`, { reason: 'NOT_DEPRECATED', field: 'version', expected: 'a deprecated version', got: found.state });
  const back = { ...found, state: found.brought.from, brought: found.brought.before ?? standing };
  const waits = back.state === 'awaiting_approval' || back.state === 'registered';
  return waits && found.comparedWith !== championDigest(model) ? { ...back, state: 'gates_unmet', gates: gatesNow(model, back) } : back;
}

const noReason = (what: string): Error => invalid(`There is no reason for ${what}.`, { field: 'reason', expected: 'a sentence that stays with the decision', got: 'nothing' });

/** The model after the promotion: one champion, the former one retired, and whoever waited after a comparison with the former one unmet. */
export function evolve(model: Model, promoted: registry.ModelVersionPromoted): Model {
  const moved = { ...model, champion: promoted.version, revision: promoted.revision };
  return { ...moved, versions: model.versions.map((version) => {
    if (version.version === promoted.version) return { ...version, state: 'champion', brought: standing, promotedAt: promoted.promotedAt };
    if (version.state === 'champion') return { ...version, state: 'retired' };
    if ((version.state !== 'awaiting_approval' && version.state !== 'registered') || version.comparedWith === promoted.digest) return version;
    return { ...version, state: 'gates_unmet', gates: gatesNow(moved, version) };
  }) };
}

/** The version, or not_found. */
export function versionOf(model: Model, version: number): Version {
  const found = model.versions[version - 1];
  if (!found) throw unknownVersion(model.name, version, model.versions.length);
  return found;
}

export const unknownVersion = (model: string, version: number, count: number): Error =>
  notFound(`There is no version ${version} of model "${model}"; it has ${count === 0 ? 'none yet' : `1 to ${count}`}.`,
    { field: 'version', expected: count === 0 ? 'one that is registered; there is none yet' : count === 1 ? '1' : `1 to ${count}`, got: `${version}`, hint: `rhei models versions ${model} lists them` });

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

function obstacles(model: Model, version: Version, despiteRollback: boolean): Problem[] {
  const unmet = gatesNow(model, version).filter(({ passed }) => !passed).map(problemOf);
  const { by, reason } = version.brought;
  if (version.state === 'deprecated') return [{ field: 'deprecated', message: `${by} took it out of use: ${reason}`, expected: 'a version in use', got: 'a deprecated one' }];
  if (version.state === 'rolled_back' && !despiteRollback) unmet.push({ field: 'rolled back', message: `${by} rolled it back: ${reason || 'no reason given'}; a person may promote it despite that, with a reason`, expected: 'a version that was not rolled back', got: 'one that was' });
  if (version.state === 'rejected') return [...unmet, { field: 'approval', message: `${version.rejectedBy} rejected it: ${version.reason || 'no reason given'}`, expected: 'an approval', got: 'a rejection' }];
  // A former champion was let in by the rules of its time; going back must stay possible when they have become stricter.
  if (!needsApproval(model) || version.approvedBy !== '' || wasChampion(version) || version.state === 'rolled_back') return unmet;
  return [...unmet, { field: 'approval', message: `it waits for an approval by somebody other than ${version.author}`, expected: 'an approval', got: 'none' }];
}

const problemOf = ({ gate, reason, inputs }: GateResult): Problem =>
  ({ field: gate, message: reason, got: Object.entries(inputs).map(([path, value]) => `${path} = ${value === null ? 'absent' : String(value)}`).join(', ') });

const notMet = (model: Model, { version }: Version, problems: Problem[]): Error =>
  gateNotMet(`Version ${model.name}/${version} cannot be promoted: ${problems.map(({ field, message, got }) => `${field} (${message}${got ? `; ${got}` : ''})`).join('; ')}.`, { problems });

const waiting = 'a version that waits for an approval';
const decided = (expected: string, { state }: Version): ErrorDetails => ({ reason: 'DECIDED', field: 'version', expected, got: `one that is ${state.replace('_', ' ')}`, hint: 'rhei models versions MODEL says how each stands' });

function undecided(model: Model, { version, digest, by }: Judgement, verb: 'approve' | 'reject'): Version {
  const candidate = versionOf(model, version);
  const id = `${model.name}/${version}`;
  if (candidate.digest !== digest) {
    throw conflict(`Version ${id} has the artifact ${candidate.digest}; you wanted to ${verb} ${digest || 'one without a digest'}. Look at the version again.`,
      { reason: 'DIGEST_MISMATCH', field: 'digest', expected: candidate.digest, got: digest });
  }
  if (candidate.state === 'deprecated' || candidate.state === 'rolled_back') {
    throw conflict(`Version ${id} is ${candidate.state.replace('_', ' ')} by ${candidate.brought.by}: ${candidate.brought.reason || 'no reason given'}. There is nothing to ${verb}.`, decided(waiting, candidate));
  }
  if (candidate.author === by) throw forbidden(`${by} is the author of version ${id} and cannot ${verb} it: another approver has to.`, { field: 'version', expected: `an approver other than ${by}`, got: by });
  if (wasChampion(candidate) || candidate.approvedBy !== '') throw conflict(`Version ${id} is decided already: ${candidate.approvedBy ? `${candidate.approvedBy} approved it` : 'it needed no approval'}.`, decided(waiting, candidate));
  if (candidate.state === 'rejected') throw conflict(`Version ${id} is decided already: ${candidate.rejectedBy} rejected it.`, decided(waiting, candidate));
  return candidate;
}
