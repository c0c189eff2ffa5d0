import { compile, DAY, ExpressionError, parseDuration, type Duration, type Expression, type Instant } from '@rhei/expressions';
import type { PlanSpec } from './plan-spec';
import { isOpen, type RunState } from './run';

export interface Plan {
  name: string;
  version: number;
  spec: PlanSpec;
  /** Runs that the plan has had so far. */
  runs: number;
}

/** What a plan's condition may read. */
export interface Facts {
  /** Labels that are known and mature. */
  labels: number;
  /** Whole days (UTC) on which the features' windows were full and all labels are mature by now. */
  days: number;
  /** Versions of the model that were promoted at least once. */
  versions: number;
  /** Whole days since the newest row that the champion learned from; 0 without a champion. */
  age: number;
}

/** What came of the plan's newest run. */
export interface LastRun {
  id: string;
  state: RunState;
  /** Absent while it is open. */
  endedAt?: Instant;
  /** Whether its version is the champion: it was promoted, and neither replaced nor rolled back. */
  champion: boolean;
}

export type Verdict = { action: 'nothing' } | { action: 'start-run' } | { action: 'decline'; reason: string };

/**
 * Compiles a plan's condition.
 * @throws ExpressionError with the position of what is wrong
 */
export const compileWhen = (when: string): Expression =>
  compile(when, { variables: { labels: 'int', days: 'int', versions: 'int', age: 'int' }, returns: 'bool' });

/** The next instant on the grid of the plan's looks. */
export function nextLook(spec: PlanSpec, now: Instant): Instant {
  const look = parseDuration(spec.look);
  return (Math.floor(now / look) + 1) * look;
}

/**
 * Whole days between the filling of the windows and the newest mature example: those that a reference profile can use.
 * @param first when the oldest example happened; undefined: there is none
 */
export function wholeDays(first: Instant | undefined, longestWindow: Duration, maturity: Duration, now: Instant): number {
  if (first === undefined) return 0;
  return Math.max(0, Math.floor((now - maturity) / DAY) - Math.ceil((first + longestWindow) / DAY));
}

/** See {@link Facts.age}. */
export const ageOf = (champion: { fitUntil: Instant } | undefined, now: Instant): number => (champion === undefined ? 0 : Math.max(0, Math.floor((now - champion.fitUntil) / DAY)));

/** What a plan does at its look: pure, so that the same facts give the same decision. A condition that does not hold is no decision. */
export function judgeLook(spec: PlanSpec, facts: Facts, last: LastRun | undefined, now: Instant): Verdict {
  let wanted: unknown;
  try {
    wanted = compileWhen(spec.when).evaluate({ ...facts });
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { action: 'decline', reason: error.message };
  }
  if (wanted !== true) return { action: 'nothing' };
  const reason = hindrance(spec, last, now);
  return reason === undefined ? { action: 'start-run' } : { action: 'decline', reason };
}

function hindrance(spec: PlanSpec, last: LastRun | undefined, now: Instant): string | undefined {
  if (last === undefined) return undefined;
  if (isOpen(last.state)) return `run ${last.id} is open`;
  // A version that waits for its approval is covered by this too: nothing is trained over the head of an approver.
  if (last.champion || last.endedAt === undefined || now >= last.endedAt + parseDuration(spec.cooldown)) return undefined;
  const why = last.state === 'succeeded' ? 'brought a version that is not the champion' : last.state === 'failed' ? 'failed' : 'was cancelled';
  return `run ${last.id} ${why}; its cooldown of ${spec.cooldown} is not over`;
}
