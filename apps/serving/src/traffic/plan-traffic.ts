import { parseDuration } from '@rhei/expressions';
import type { Transaction } from '@rhei/runtime';
import type { Deployment } from '../deployment/deployment.store';
import type { Deps } from '../deps';
import { isUnderWay, nextLook, promoted, redeclared, withoutWhatIsOver, type Champion, type Draft, type Plan } from './plan';

type Needs = Pick<Deps, 'deployments' | 'plans'>;

/**
 * Keeps what the registry said of a model's alias and plans the traffic of its deployments, in one transaction. Every replica
 * does so, and the first one's plan is that of all.
 */
export async function planPromotion(deps: Pick<Deps, 'database' | 'deployments' | 'plans'>, champion: Champion): Promise<void> {
  await deps.database.transaction(async (tx) => {
    await deps.deployments.rememberChampion(tx, champion);
    for (const deployment of await deps.deployments.holdThoseOf(tx, champion.model)) await planWhatIsDue(deps, tx, deployment);
  });
}

/** Plans what the present champion and declaration of a deployment ask for; nothing when that was done. */
export async function planDeployment(deps: Pick<Deps, 'database' | 'deployments' | 'plans'>, name: string): Promise<void> {
  await deps.database.transaction(async (tx) => {
    const deployment = await deps.deployments.hold(tx, name);
    if (deployment !== undefined) await planWhatIsDue(deps, tx, deployment);
  });
}

async function planWhatIsDue({ deployments, plans }: Needs, tx: Transaction, deployment: Deployment): Promise<void> {
  const champion = await deployments.champion(tx, deployment.model);
  if (champion === undefined) return;
  const known = await plans.current(tx, deployment.name, deployment.model);
  const current = known.current && withoutWhatIsOver(known.current.plan, known.current.underWay);
  const first = deployment.benchmark === 'first' ? await plans.firstLive(tx, deployment.name, deployment.model) : null;
  const aliasMoved = champion.revision > known.promotion || known.newestModel !== deployment.model;
  const changed = known.declared < deployment.version ? current : undefined;
  const wasLive = current !== undefined && champion.kind === 'rollback' && (await plans.wasLive(tx, current, champion.version)) !== undefined;
  const draft = (aliasMoved ? promoted(current, deployment, champion, tx.now, wasLive) : undefined) ?? (changed && redeclared(changed, deployment, first, tx.now));
  if (draft === undefined) {
    if (changed !== undefined) await plans.noteDeclared(tx, changed, deployment.version);
    return;
  }
  const plan = await addPlan({ plans }, tx, { ...draft, benchmark: first }, known.revision, deployment);
  if (draft.candidate !== null) await recordStart(tx, plan, current);
}

/** Writes a plan and arms the timer that looks after it, where anything is left to look after. */
export async function addPlan({ plans }: Pick<Deps, 'plans'>, tx: Transaction, draft: Draft, last: number, { name, look }: Deployment): Promise<Plan> {
  const plan = await plans.add(tx, draft, last);
  await armLook(tx, plan, isUnderWay(plan), name, look);
  return plan;
}

/** Arms the timer `rollout` of a deployment for its next look, or disarms it. */
export async function armLook(tx: Transaction, plan: Draft, underWay: boolean, name: string, look: string): Promise<void> {
  const due = nextLook(plan, underWay, tx.now, parseDuration(look));
  if (due === undefined) await tx.disarm('rollout', name);
  else await tx.arm('rollout', name, due);
}

/** Puts on record that a candidate is tried, and what it replaces. */
export async function recordStart(tx: Transaction, { deployment, model, candidate, live, promotion, rollout, stage, share, reason }: Plan, before: Plan | undefined): Promise<void> {
  const replaced = before?.candidate?.version ?? 0;
  await tx.decide({
    subject: `deployment/${deployment}`, action: 'start-rollout', by: 'serving',
    inputs: { model, candidate: candidate!.version, digest: candidate!.digest, live: live.version, promotion, stages: rollout.map((one) => one.stage), ...(reason !== '' && { reason }) },
    outcome: {
      stage, share, ...(replaced !== 0 && replaced !== candidate!.version && { replacedCandidate: replaced }),
      text: `version ${candidate!.version} of ${model} is tried beside version ${live.version}${replaced === 0 || replaced === candidate!.version ? '' : `, in place of version ${replaced}`}`,
    },
  });
}
