import type { TimerHandler, Transaction } from '@rhei/runtime';
import { parseDuration } from '@rhei/expressions';
import type { Deployment } from '../deployment/deployment.store';
import type { Deps } from '../deps';
import { goBack } from '../traffic/go-back';
import { compared, enter, isUnderWay, withoutExpired, withoutWhatIsOver, type Draft } from '../traffic/plan';
import { addPlan, armLook } from '../traffic/plan-traffic';
import type { Planned } from '../traffic/plan.store';
import { comparedRows } from './compared.store';
import { figuresOf } from './figures';
import { judge } from './guard';
import { forgetLabels } from './label.store';

/**
 * Looks at the traffic of one deployment: judges the stage of its rollout by what had arrived by now, and ends the shadow of
 * versions whose time is over. It is armed only while one of the two is to be done.
 */
export const rolloutTimer: TimerHandler<Deps> = {
  kind: 'rollout',
  async fire(deps, { key }, tx) {
    const deployment = await deps.deployments.hold(tx, key);
    if (deployment === undefined) return;
    const { current, revision } = await deps.plans.current(tx, key, deployment.model);
    if (current === undefined || current.plan.model !== deployment.model) return;
    const { plan } = current;
    // Nothing is said of a stage that some replica has still to begin.
    const outcome = current.underWay && current.shiftedAt !== null ? await judgeStage(deps, tx, deployment, current) : { underWay: current.underWay };
    if (outcome !== 'back') {
      const { underWay, next } = outcome;
      const draft = withoutExpired(next ?? withoutWhatIsOver(plan, underWay), tx.now) ?? next;
      if (draft === undefined) {
        await armLook(tx, plan, underWay, key, deployment.look);
        if (!underWay) await forgetLabels(tx, deployment.featureSet);
      } else {
        const planned = await addPlan(deps, tx, draft, revision, deployment);
        await tx.emit('TrafficPlanned', key, { deployment: key, revision: planned.revision });
      }
    }
  },
};

interface Judged {
  underWay: boolean;
  next?: Draft;
}

async function judgeStage(deps: Deps, tx: Transaction, deployment: Deployment, { plan, held }: Planned): Promise<'back' | Judged> {
  const { model, rollout, step } = plan;
  const stage = rollout[step];
  const { candidate, live } = compared(plan)!;
  const rows = await comparedRows(tx, plan, deployment.featureSet);
  const figures = figuresOf(rows, { stage: stage.stage, stageFrom: plan.stageFrom, seed: deployment.name, name: `${model}/${candidate.version}` });
  const verdict = judge(stage, figures, tx.now - plan.stageSince);
  if (verdict.verdict === 'back') {
    await goBack(deps, tx, deployment, { leaving: candidate, by: 'guard', reason: `in stage ${stage.stage} the guard does not hold: ${verdict.guard}`, inputs: { figures } });
    return 'back';
  }
  const decide = (action: string, outcome: object): Promise<void> => tx.decide({
    subject: `deployment/${deployment.name}`, action, by: 'serving',
    inputs: { model, version: candidate.version, digest: candidate.digest, against: live.version, ...conditions(stage), figures }, outcome,
  });
  const watched = plan.candidate === null;
  const next = verdict.verdict === 'advance' && !watched ? enter(plan, step + 1, parseDuration(deployment.keep), tx.now) : undefined;
  const underWay = verdict.verdict === 'advance' ? next !== undefined && isUnderWay(next) : true;
  if (verdict.verdict === 'advance') await decide('advance-rollout', outcomeOf(next, candidate.version));
  // Once a stage: each look would say the same.
  if (verdict.verdict === 'hold' && !held) await decide('hold-rollout', { stage: stage.stage, reason: verdict.reason });
  await deps.plans.noteLook(tx, plan, { figures, underWay: next === undefined && underWay, held: held || verdict.verdict === 'hold' });
  return { underWay, ...(next && { next }) };
}

const conditions = ({ stage, guard, advance }: { stage: string; guard?: string; advance?: string }): object => ({ stage, ...(guard !== undefined && { guard }), ...(advance !== undefined && { advance }) });

function outcomeOf(next: Draft | undefined, version: number): { stage: string; share?: number; text: string } {
  if (next === undefined) return { stage: 'over', text: `version ${version} has come through` };
  if (next.stage === 'canary') return { stage: 'canary', share: next.share, text: `version ${version} answers a share of ${next.share}` };
  return { stage: next.stage, text: next.stage === 'live' ? `version ${version} answers` : `version ${version} scores beside` };
}
