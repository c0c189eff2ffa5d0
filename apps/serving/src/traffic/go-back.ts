import type { Transaction } from '@rhei/runtime';
import type { Deployment } from '../deployment/deployment.store';
import type { Deps } from '../deps';
import { wentBack, type Plan, type Version } from './plan';
import { addPlan } from './plan-traffic';

export interface GoBack {
  /** The version that shall no longer answer or be tried. */
  leaving: Version;
  /** `guard`, `monitor`, or the name of a person. */
  by: string;
  reason: string;
  /** What it was decided by. */
  inputs: object;
  /** Instead of the version before. */
  to?: Version;
  /** The plan that was refused just now; nothing is done where it is not the newest. Default: the plan by which the deployment answers. */
  refused?: Plan;
}

/**
 * Gives up the candidate or goes back from the live version, and says so, in the transaction of the cause. The caller holds the
 * deployment. Undefined: the version is neither, or there is nowhere to go.
 */
export async function goBack({ deployments, plans }: Pick<Deps, 'deployments' | 'plans'>, tx: Transaction, deployment: Deployment, { leaving, by, reason, inputs, to: named, refused }: GoBack): Promise<Plan | undefined> {
  const { current, revision: last } = await plans.current(tx, deployment.name, deployment.model);
  const from = refused ?? current?.plan;
  if (from === undefined || from.model !== deployment.model || (refused !== undefined && refused.revision !== last)) return undefined;
  const to = named ?? from.before;
  const beforeThat = to === null ? null : await plans.beforeThat(tx, from, to.version);
  const draft = wentBack(from, { leaving, to, beforeThat, reason }, tx.now);
  if (draft === undefined) return undefined;
  const plan = await addPlan({ plans }, tx, draft, last, deployment);
  const { model, live } = plan;
  // The alias may have moved without a plan since: a version that it went back to is left by the move that brought it there.
  const champion = await deployments.champion(tx, model);
  const promotion = champion?.version === leaving.version ? champion.revision : plan.promotion;
  await tx.decide({
    subject: `deployment/${deployment.name}`, action: 'roll-back', by: by === 'guard' || by === 'monitor' ? 'serving' : by,
    inputs: { model, version: leaving.version, digest: leaving.digest, revision: plan.revision, promotion, ...inputs },
    outcome: { live: live.version, by, reason, text: `version ${live.version} of ${model} answers instead of version ${leaving.version}` },
  });
  await tx.emit('TrafficPlanned', deployment.name, { deployment: deployment.name, revision: plan.revision });
  await tx.emit('TrafficRolledBack', deployment.name, {
    deployment: deployment.name, model, version: leaving.version, digest: leaving.digest, live: live.version, liveDigest: live.digest, by, reason, revision: plan.revision, promotion, rolledBackAt: tx.now,
  });
  return plan;
}
