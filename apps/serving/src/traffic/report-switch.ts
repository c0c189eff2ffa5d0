import type { Transaction } from '@rhei/runtime';
import type { Deployment } from '../deployment/deployment.store';
import type { Deps } from '../deps';
import { forgetLabels } from '../rollout/label.store';
import { goBack } from './go-back';
import type { Unservable } from './load-failure';
import { promoted, type Plan } from './plan';
import { addPlan, armLook, recordStart } from './plan-traffic';

/** Reports that this replica answers by a plan. The last live replica to switch says so for all, once per plan. */
export async function reportSwitch(deps: Deps, plan: Plan): Promise<void> {
  if (await report(deps, plan)) return;
  // Nobody tells when a replica ends, so who waits for it looks.
  deps.pending.watch(plan.deployment, () => report(deps, deps.traffic.of(plan.deployment)?.plan ?? plan));
}

/** False while other replicas have still to switch. */
function report({ database, deployments, switches }: Deps, plan: Plan): Promise<boolean> {
  return database.transaction(async (tx) => {
    // Two that reported at once would each miss the other's row, and neither would speak.
    const deployment = await deployments.hold(tx, plan.deployment);
    if (deployment === undefined) return true;
    await switches.note(tx, plan);
    if (await switches.isSaid(tx, plan)) return true;
    if (!(await switches.madeByOthers(tx, plan))) return false;
    if (!(await switches.record(tx, plan))) return true;
    await forgetLabels(tx, deployment.featureSet);
    const { deployment: name, model, live: { version, digest }, candidate, stage, share, revision, reason } = plan;
    const replaces = await switches.liveBefore(tx, plan);
    await tx.decide({ subject: `deployment/${name}`, action: 'shift-traffic', by: 'serving', inputs: inputsOf(plan, replaces), outcome: { live: version, text: textOf(plan) } });
    await tx.emit('TrafficShifted', name, {
      deployment: name, model, version, digest, replaces, revision, shiftedAt: tx.now, stage,
      candidate: candidate?.version ?? 0, candidateDigest: candidate?.digest ?? '', share, reason,
    });
    return true;
  });
}

/**
 * Refuses a plan for all replicas, since a version of it must not be served: same bytes, same verdict. False when all said
 * that they answer or score with that version: then this replica alone is at fault.
 */
export function refusePlan(deps: Pick<Deps, 'database' | 'deployments' | 'plans' | 'switches'>, plan: Plan, failure: Unservable): Promise<boolean> {
  const { database, deployments, plans, switches } = deps;
  return database.transaction(async (tx) => {
    const deployment = await deployments.hold(tx, plan.deployment);
    if (deployment === undefined) return true;
    const said = await plans.said(tx, plan);
    const { version } = failure.version;
    if (said?.live.version === version || said?.candidate?.version === version) return false;
    if (!(await switches.record(tx, plan, failure.message))) return true;
    await tx.decide({
      subject: `deployment/${plan.deployment}`, action: 'refuse-traffic', by: 'serving', inputs: inputsOf(plan, await switches.liveBefore(tx, plan)),
      outcome: { refused: version, reason: failure.message },
    });
    await forgetLabels(tx, deployment.featureSet);
    if (plan.candidate?.version === version) await goBack(deps, tx, deployment, { leaving: plan.candidate, by: 'guard', reason: failure.message, inputs: {}, refused: plan });
    else if (plan.candidate !== null) await tryBesideWhatAnswers(deps, tx, deployment, plan, said);
    await judgeWhatAnswers(deps, tx, deployment);
    return true;
  });
}

/** The live version of a plan never came to answer; its candidate, which nobody has found fault with, is tried beside the one that does, or is live where none does. */
async function tryBesideWhatAnswers({ plans }: Pick<Deps, 'plans'>, tx: Transaction, deployment: Deployment, { candidate, model, promotion, revision }: Plan, said: Plan | undefined): Promise<void> {
  const { revision: last } = await plans.current(tx, deployment.name, deployment.model);
  if (model !== deployment.model || revision !== last || said?.candidate?.version === candidate!.version) return;
  const draft = promoted(said, deployment, { model, ...candidate!, revision: promotion, replaces: said?.live.version ?? 0, promotedAt: tx.now, kind: 'promotion' }, tx.now);
  if (draft === undefined) return;
  const plan = await addPlan({ plans }, tx, draft, last, deployment);
  if (plan.candidate !== null) await recordStart(tx, plan, said);
  await tx.emit('TrafficPlanned', deployment.name, { deployment: deployment.name, revision: plan.revision });
}

/** The plan that answers on after a refusal is judged on, where it was under way. */
async function judgeWhatAnswers({ plans }: Pick<Deps, 'plans'>, tx: Transaction, { name, model, look }: Deployment): Promise<void> {
  const { current } = await plans.current(tx, name, model);
  if (current !== undefined) await armLook(tx, current.plan, current.underWay, name, look);
}

function inputsOf({ model, live: { version, digest }, candidate, stage, share, revision }: Plan, replaces: number): object {
  return { model, version, digest, revision, replaces, ...(candidate !== null && { stage, candidate: candidate.version, candidateDigest: candidate.digest, share }) };
}

function textOf({ model, live, candidate, stage, share }: Plan): string {
  const answers = `version ${live.version} of ${model} answers`;
  if (candidate === null) return answers;
  return stage === 'canary' ? `${answers}, and version ${candidate.version} a share of ${share}` : `${answers}, and version ${candidate.version} scores beside`;
}
