import { canonicalJson, digestOf, formatInstant, parseDuration } from '@rhei/expressions';
import type { TimerHandler, Transaction } from '@rhei/runtime';
import { findLive } from '../copies.store';
import type { Deps } from '../deps';
import { lockMonitor, type Monitor } from '../monitor/monitor.store';
import { bucketOf } from '../window/window';
import { armNext, maturityOf, PROMOTION_JUDGED } from './await-judgement';
import { compare } from './comparison';
import { judge } from './judgement';
import { pairsOf } from './pair.store';
import { keepJudgement, postpone, waitingPromotions, type Promotion } from './promotion.store';

/** The timer of a monitor: the labels of a promotion's first days are mature. Judges what is due, and waits for the next. */
export const promotionJudged: TimerHandler<Deps> = {
  kind: PROMOTION_JUDGED,
  async fire(_deps, { key, due }, tx) {
    const monitor = await lockMonitor(tx, key);
    if (!monitor) return;
    const maturity = await maturityOf(tx, monitor.spec.deployment);
    for (const promotion of await waitingPromotions(tx, key)) {
      const ripe = promotion.liveFrom + parseDuration(monitor.spec.helped.after) + maturity;
      if (ripe <= tx.now) await judgePromotion(tx, monitor, promotion);
      else if (ripe !== promotion.due) await postpone(tx, key, promotion.revision, ripe);
    }
    await armNext(tx, key, due);
  },
};

/** Compares a version with the one it replaced on what both have scored since it went live, and asks to go back when it hurt and is live still. */
async function judgePromotion(tx: Transaction, { name, spec }: Monitor, promotion: Promotion): Promise<void> {
  const { model, version, replaced, digest, liveFrom, revision } = promotion;
  const { helped, deployment } = spec;
  // What is asked before the end may happen after it, and its label is mature later still: the end is one of the examples' own time.
  const span = { askedFrom: liveFrom, happensBefore: liveFrom + parseDuration(helped.after) };
  const pairs = (await pairsOf(tx, { deployment, model, candidate: version, baseline: replaced, askedFrom: span.askedFrom, happens: { to: span.happensBefore }, now: tx.now })).filter(({ seen }) => !seen);
  const comparison = compare(pairs, { bucket: bucketOf(spec), seed: `${name} ${model} ${version} ${formatInstant(liveFrom)}` });
  const { verdict, reason } = judge(comparison, { version, replaced, atLeast: helped.rows });
  const figures = { difference: comparison?.difference ?? null, low: comparison?.low ?? null, high: comparison?.high ?? null, rows: comparison?.rows ?? 0, days: comparison?.days ?? 0 };
  const live = await findLive(tx, deployment);
  const goBack = verdict === 'hurt' && helped.rollback === 'onHurt' && live?.model === model && live.version === version;
  const evidence = { ...figures, version, replaced, ...span };
  const rollback = goBack ? `rollback-${digestOf({ monitor: name, model, version, liveFrom }).slice(0, 16)}` : null;

  await keepJudgement(tx, name, revision, { at: tx.now, verdict, reason, ...figures, rollback });
  await tx.decide({
    subject: `promotion/${name}/${model}/${version}`, action: 'judge-promotion', by: 'monitoring',
    inputs: { model, version, replaced, digest, ...span, atLeast: helped.rows, policy: helped.rollback, live: live?.version ?? 0 },
    outcome: { verdict, reason, ...figures, rollback },
  });
  await tx.emit('PromotionJudged', name, {
    monitor: name, deployment, model, version, replaced, verdict, difference: figures.difference ?? 0, low: figures.low ?? 0, high: figures.high ?? 0, rows: figures.rows, judgedAt: tx.now,
  });
  if (rollback !== null) await tx.emit('RollbackRequested', name, { id: rollback, monitor: name, deployment, model, version, digest, reason, evidenceJson: canonicalJson(evidence) });
}
