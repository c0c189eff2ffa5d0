/** How the traffic of a deployment is divided, and how one division follows from another. Rules only. */
import { parseDuration, type Duration, type Instant } from '@rhei/expressions';
import type { Stage } from '../deployment/deployment-spec';
import type { Deployment } from '../deployment/deployment.store';

export interface Version {
  version: number;
  digest: string;
}

/** The last move of a model's alias, as the registry said it. */
export interface Champion extends Version {
  model: string;
  /** Grows with every move. */
  revision: number;
  replaces: number;
  promotedAt: Instant;
  /** `rollback`: the alias followed a rollback of traffic, and no rollout follows where that version was live before. */
  kind: string;
}

/** A version that was live and goes on scoring in shadow. */
export interface Kept extends Version {
  until: Instant;
}

/** One division of traffic. It is never changed: what replaces it has a higher revision. */
export interface Plan {
  deployment: string;
  revision: number;
  model: string;
  /** Answers all that no canary answers. */
  live: Version;
  /** When it was planned that it does. */
  liveSince: Instant;
  /** Was live before it, and is where a rollback goes. */
  before: Version | null;
  /** Is tried beside the live version. */
  candidate: Version | null;
  stage: 'live' | 'shadow' | 'canary' | 'rolled_back';
  /** Of the questions that the candidate answers. */
  share: number;
  kept: Kept[];
  /** Scores in shadow for ever. */
  benchmark: Version | null;
  /** The revision of the alias that this follows. */
  promotion: number;
  /** The rollout as it was declared when it began, and the place in it. */
  rollout: Stage[];
  step: number;
  /** The first plan of the rollout, and of the stage, by revision; and when each was planned. */
  rolloutFrom: number;
  rolloutSince: Instant;
  stageFrom: number;
  stageSince: Instant;
  /** Version of the deployment's declaration that it takes account of. */
  declared: number;
  reason: string;
}
/** A plan before the store has given it a revision; `rolloutFrom` and `stageFrom` of 0 stand for that very revision. */
export type Draft = Omit<Plan, 'revision'>;

/** Whether somebody still judges it: a candidate is tried, or a new live version watched. */
export const isUnderWay = ({ stage, rollout, step, before }: Draft): boolean =>
  stage === 'shadow' || stage === 'canary' || (stage === 'live' && before !== null && rollout[step]?.stage === 'live');

/** The versions that a rollout compares: the new one, and the one that it shall replace or has replaced. */
export function compared({ candidate, live, before }: Plan): { candidate: Version; live: Version } | undefined {
  if (candidate !== null) return { candidate, live };
  return before === null ? undefined : { candidate: live, live: before };
}

/** Every version of the plan once, those that answer first. */
export function versionsOf({ live, candidate, kept, benchmark }: Draft): Version[] {
  const all = [live, candidate, ...kept, benchmark].filter((one): one is Version => one !== null);
  return all.filter((one, index) => all.findIndex(({ version }) => version === one.version) === index).map(({ version, digest }) => ({ version, digest }));
}

const same = (one: Version | null, other: Version | null): boolean => one?.version === other?.version;
const without = (kept: Kept[], ...gone: (Version | null)[]): Kept[] => kept.filter((one) => !gone.some((other) => same(one, other)));
const onlyVersion = ({ version, digest }: Version): Version => ({ version, digest });

/**
 * What a move of the alias means for a deployment. Undefined: nothing, since it answers with that version and tries no other.
 * A candidate that is still being tried is replaced by the new one. `wasLive`: that version has answered in this deployment.
 */
export function promoted(current: Plan | undefined, deployment: Deployment, champion: Champion, now: Instant, wasLive = false): Draft | undefined {
  const { name, model, version: declared, rollout = [] } = deployment;
  const live = onlyVersion(champion);
  if (current === undefined || current.model !== model) {
    return {
      deployment: name, model, live, liveSince: now, before: null, candidate: null, stage: 'live', share: 0, kept: [], benchmark: null, promotion: champion.revision, rollout: [], step: 0,
      rolloutFrom: 0, rolloutSince: now, stageFrom: 0, stageSince: now, declared, reason: '',
    };
  }
  const base = { ...current, promotion: champion.revision, declared, stageSince: now, stageFrom: 0, reason: '' };
  if (same(live, current.live)) {
    return current.candidate === null ? undefined : { ...base, candidate: null, stage: 'live', share: 0, rollout: [], step: 0, rolloutFrom: 0, rolloutSince: now, reason: 'the live version was promoted again' };
  }
  const begun = { ...base, rolloutFrom: 0, rolloutSince: now, candidate: live };
  const back = champion.kind === 'rollback';
  // Another deployment went back from the version that answers here: it is no place to go back to.
  if (back && (wasLive || rollout.length === 0)) return { ...enter({ ...begun, rollout: [] }, 0, 0, now), stage: 'rolled_back', before: null, reason: 'the alias went back' };
  return enter({ ...begun, rollout, reason: back ? 'the alias went back to a version that was never live here' : '' }, 0, parseDuration(deployment.keep), now);
}

/** The candidate in the stage `step` of its rollout; past the last one it is live. `keep`: how long the replaced version scores after the end. */
export function enter(draft: Draft, step: number, keep: Duration, now: Instant): Draft {
  const { rollout, candidate, live, before, kept } = draft;
  const entered = rollout[step];
  const base = { ...draft, step, stageSince: now, stageFrom: 0 };
  if (entered !== undefined && entered.stage !== 'live') return { ...base, stage: entered.stage, share: entered.stage === 'canary' ? entered.share ?? 0 : 0 };
  const until = now + keep + (entered === undefined ? 0 : parseDuration(entered.for));
  return {
    ...base, stage: 'live', share: 0, live: candidate ?? live, liveSince: candidate === null ? draft.liveSince : now, candidate: null, before: candidate === null ? before : live,
    kept: candidate === null || until === now ? without(kept, candidate) : [...without(kept, candidate, live), { ...live, until }],
  };
}

/** How traffic goes back from a version. */
export interface Return {
  /** The version that shall no longer answer or be tried: the candidate or the live one. */
  leaving: Version;
  /** Where it goes from the live version; null: nowhere. And the one that was live before that. */
  to: Version | null;
  beforeThat: Version | null;
  reason: string;
}

/**
 * Back from the candidate, or from the live version to another one. A candidate that is tried meanwhile begins again beside
 * that one. Undefined: there is nowhere to go.
 */
export function wentBack(current: Plan, { leaving, to, beforeThat, reason }: Return, now: Instant): Draft | undefined {
  const { candidate, live, kept, rollout } = current;
  const over = { rollout: [], step: 0, rolloutFrom: 0, rolloutSince: now, stageFrom: 0, stageSince: now, stage: 'rolled_back' as const, share: 0, reason };
  if (same(leaving, candidate)) return { ...current, ...over, candidate: null, kept: without(kept, candidate) };
  if (!same(leaving, live) || to === null || same(to, live)) return undefined;
  const back = { ...current, ...over, live: onlyVersion(to), liveSince: now, before: same(to, beforeThat) ? null : beforeThat, kept: without(kept, live, to) };
  if (candidate === null || same(candidate, to)) return { ...back, candidate: null };
  return enter({ ...back, rollout }, 0, 0, now);
}

/** The version that a new live one is watched against; null: none is watched. */
const watchedAgainst = (plan: Draft): Version | null => (plan.candidate === null && isUnderWay(plan) ? plan.before : null);

/** The plan without the versions whose time in shadow is over; undefined when there is none. A watch that lasts longer than was declared needs its other side all the same. */
export function withoutExpired(current: Draft, now: Instant): Draft | undefined {
  const needed = watchedAgainst(current);
  const kept = current.kept.filter((one) => one.until > now || same(one, needed));
  return kept.length === current.kept.length ? undefined : { ...current, kept, reason: '' };
}

/** The plan without the rollout that nobody judges any more, so that no later change makes it begin again. */
export const withoutWhatIsOver = (plan: Plan, underWay: boolean): Plan => (underWay ? plan : { ...plan, rollout: [], step: 0 });

/**
 * What a changed declaration means. A rollout that is declared in another way begins again with the candidate that is on its
 * way; one that only watches goes on with the new stage, or ends where none watches any more. Undefined: nothing.
 */
export function redeclared(current: Plan, deployment: Deployment, first: Version | null, now: Instant): Draft | undefined {
  const benchmark = deployment.benchmark === 'first' ? first : null;
  const rollout = deployment.rollout ?? [];
  const other = isUnderWay(current) && JSON.stringify(rollout) !== JSON.stringify(current.rollout);
  if (!other && same(benchmark, current.benchmark)) return undefined;
  const base: Draft = { ...current, benchmark, declared: deployment.version, reason: 'the deployment was declared in another way' };
  if (!other) return base;
  if (current.candidate !== null) return enter({ ...base, rollout, rolloutFrom: 0, rolloutSince: now }, 0, parseDuration(deployment.keep), now);
  const step = rollout.findIndex(({ stage }) => stage === 'live');
  if (step < 0) return { ...base, rollout: [], step: 0 };
  const until = current.stageSince + parseDuration(rollout[step].for) + parseDuration(deployment.keep);
  const kept = current.kept.map((one) => (same(one, current.before) ? { ...one, until: Math.max(one.until, until) } : one));
  return { ...base, rollout, step, kept };
}

/** The last instant of the grid that is not after `at`, plus one step: when the traffic is looked at next. */
const nextOnGrid = (at: Instant, look: Duration): Instant => (Math.floor(at / look) + 1) * look;
const notBefore = (at: Instant, now: Instant, look: Duration): Instant => Math.max(Math.ceil(at / look) * look, nextOnGrid(now, look));

/** When the timer of a deployment has something to do next; undefined: nothing is under way. */
export function nextLook(plan: Draft, underWay: boolean, now: Instant, look: Duration): Instant | undefined {
  const due = plan.kept.map(({ until }) => notBefore(until, now, look));
  if (underWay) {
    const { guard, for: length } = plan.rollout[plan.step];
    due.push(guard === undefined ? notBefore(plan.stageSince + parseDuration(length), now, look) : nextOnGrid(now, look));
  }
  return due.length === 0 ? undefined : Math.min(...due);
}
