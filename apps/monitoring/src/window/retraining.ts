import { compile, formatDuration, formatInstant, parseDuration, type Expression } from '@rhei/expressions';
import type { Instant } from '@rhei/runtime';
import type { RetrainingPolicy } from '../monitor/monitor-spec';

/** What a policy decides on. */
export interface Situation {
  /** Alarms of the window that closes. */
  alarms: number;
  /** Labels that became mature since the as-of of the model's last training. */
  labels: number;
  now: Instant;
  /** The last request of this monitor; `ended` when its run failed or its version is live. */
  last?: { requestedAt: Instant; ended: boolean };
  /** Whether a plan trains the model. */
  planned: boolean;
}

/** `declined`: an alarm leads to none. `none`: nothing alarmed, and nothing was asked for. Each has its reason. */
export interface Retraining { action: 'requested' | 'declined' | 'none'; why: string }

/**
 * Compiles a policy's condition.
 * @throws ExpressionError with the position of what is wrong
 */
export const compilePolicy = (when: string): Expression => compile(when, { variables: { alarms: 'int', labels: 'int' }, returns: 'bool' });

/** Whether to ask for a retraining. That a window leads to none is a decision too, with its reason. */
export function decideRetraining(policy: RetrainingPolicy | undefined, situation: Situation): Retraining {
  const obstacle = obstacleTo(policy, situation);
  if (policy !== undefined && obstacle === undefined) return { action: 'requested', why: `${policy.when} holds with ${figures(situation)}` };
  return situation.alarms > 0 ? { action: 'declined', why: obstacle ?? '' } : { action: 'none', why: `no alarm, and ${obstacle}` };
}

function obstacleTo(policy: RetrainingPolicy | undefined, situation: Situation): string | undefined {
  const { labels, now, last, planned } = situation;
  if (!policy) return 'the monitor has no retraining policy';
  if (compilePolicy(policy.when).evaluate({ alarms: situation.alarms, labels }) !== true) return `${policy.when} does not hold with ${figures(situation)}`;
  if (!planned) return 'no training plan trains the model';
  const free = last === undefined ? now : last.requestedAt + parseDuration(policy.cooldown);
  if (last && now < free) {
    const since = `the retraining requested ${formatInstant(last.requestedAt)} ${last.ended ? 'is over, and' : 'is still under way;'}`;
    return `${since} the cooldown of ${formatDuration(parseDuration(policy.cooldown))} lasts until ${formatInstant(free)}`;
  }
  if (labels < policy.minLabels) return `${labels} labels are new since the last training; the policy asks for ${policy.minLabels}`;
  return undefined;
}

const figures = ({ alarms, labels }: Situation): string => `${alarms} alarm${alarms === 1 ? '' : 's'} and ${labels} new mature labels`;
