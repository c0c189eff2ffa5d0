import type { Transaction } from '@rhei/runtime';
import type { Deps } from '../deps';
import type { Plan } from './plan';
import { goBack } from './go-back';

/**
 * Reports that this replica answers by a plan, or why it cannot. The last live replica to switch says so for all, once per
 * plan; the first that must not serve a version of it refuses it for all: same bytes, same verdict.
 */
export async function reportSwitch(deps: Deps, plan: Plan, failure?: string): Promise<void> {
  if (await report(deps, plan, failure)) return;
  // Nobody tells when a replica ends, so who waits for it looks.
  deps.pending.watch(plan.deployment, () => report(deps, deps.traffic.of(plan.deployment)?.plan ?? plan));
}

/** False while other replicas have still to switch. */
function report(deps: Deps, plan: Plan, failure?: string): Promise<boolean> {
  const { database, deployments, switches } = deps;
  return database.transaction(async (tx) => {
    // Two that reported at once would each miss the other's row, and neither would speak.
    const deployment = await deployments.hold(tx, plan.deployment);
    if (deployment === undefined) return true;
    if (failure === undefined) {
      await switches.note(tx, plan);
      if (await switches.isSaid(tx, plan)) return true;
      if (!(await switches.madeByOthers(tx, plan))) return false;
    }
    if (!(await switches.record(tx, plan, failure))) return true;
    const replaces = await switches.liveBefore(tx, plan);
    await recordSwitch(tx, plan, replaces, failure);
    if (failure === undefined) return true;
    // A candidate that must not be served is no candidate; a version that was to be live at once just does not come to answer.
    if (plan.candidate !== null) await goBack(deps, tx, deployment, { leaving: plan.candidate, by: 'guard', reason: `version ${plan.candidate.version} cannot be loaded: ${failure}`, inputs: {}, refused: plan });
    return true;
  });
}

async function recordSwitch(tx: Transaction, plan: Plan, replaces: number, failure: string | undefined): Promise<void> {
  const { deployment: name, model, live: { version, digest }, candidate, stage, share, revision, reason } = plan;
  const tried = candidate === null ? {} : { stage, candidate: candidate.version, candidateDigest: candidate.digest, share };
  await tx.decide({
    subject: `deployment/${name}`, action: failure === undefined ? 'shift-traffic' : 'refuse-traffic', by: 'serving',
    inputs: { model, version, digest, revision, replaces, ...tried },
    outcome: failure === undefined ? { live: version, text: textOf(plan) } : { reason: failure },
  });
  if (failure !== undefined) return;
  await tx.emit('TrafficShifted', name, {
    deployment: name, model, version, digest, replaces, revision, shiftedAt: tx.now, stage,
    candidate: candidate?.version ?? 0, candidateDigest: candidate?.digest ?? '', share, reason,
  });
}

function textOf({ model, live, candidate, stage, share }: Plan): string {
  const answers = `version ${live.version} of ${model} answers`;
  if (candidate === null) return answers;
  return stage === 'canary' ? `${answers}, and version ${candidate.version} a share of ${share}` : `${answers}, and version ${candidate.version} scores beside`;
}
