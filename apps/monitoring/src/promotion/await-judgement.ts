import { parseDuration } from '@rhei/expressions';
import type { Instant, Transaction } from '@rhei/runtime';
import { findDeployment, findFeatureSet } from '../copies.store';
import { lockMonitorsOf } from '../monitor/monitor.store';
import { keepPromotion, waitingPromotions } from './promotion.store';

export const PROMOTION_JUDGED = 'promotion-judged';

/** Has each monitor of the deployment ask whether a promotion helped, once the labels of its first days are mature. */
export async function awaitJudgement(tx: Transaction, promoted: { deployment: string; revision: number; model: string; version: number; replaced: number; digest: string; liveFrom: Instant }): Promise<void> {
  const { deployment, ...promotion } = promoted;
  const maturity = await maturityOf(tx, deployment);
  for (const { name, spec } of await lockMonitorsOf(tx, deployment)) {
    await keepPromotion(tx, { ...promotion, monitor: name, due: promotion.liveFrom + parseDuration(spec.helped.after) + maturity });
    await armNext(tx, name, tx.now);
  }
}

/** One timer per monitor: the earliest promotion that waits. `after` keeps a timer that fires now from arming itself for now. */
export async function armNext(tx: Transaction, monitor: string, after: Instant): Promise<void> {
  const [next] = await waitingPromotions(tx, monitor);
  if (next) await tx.arm(PROMOTION_JUDGED, monitor, Math.max(next.due, after + 1));
}

export async function maturityOf(tx: Transaction, deployment: string): Promise<number> {
  const known = await findDeployment(tx, deployment);
  return (known && (await findFeatureSet(tx, known.featureSet)))?.maturity ?? 0;
}
