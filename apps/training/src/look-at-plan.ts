import type { TimerHandler, Transaction } from '@rhei/runtime';
import type { Deps } from './deps';
import { readsOf } from './feature-set-spec';
import { championOf, countLabels, countPromoted, findFeatureSet, type KnownFeatureSet } from './known.store';
import { ageOf, judgeLook, nextLook, wholeDays, type Facts, type Plan } from './plan';
import { lastRunOf, lockPlan } from './plan.store';
import { beginWaiting } from './start-run';

export const look = 'look';

/** The plan asks itself whether to train, on its own grid. */
export const lookAtPlan: TimerHandler<Deps> = {
  kind: look,
  async fire(deps, { key }, tx) {
    const plan = await lockPlan(tx, key);
    await tx.arm(look, plan.name, nextLook(plan.spec, tx.now));
    const set = await findFeatureSet(tx, plan.spec.featureSet);
    // Without its feature set nothing can be counted, and nothing be trained.
    if (!set) return;
    const facts = await factsOf(tx, plan, set);
    const last = await lastRunOf(tx, plan.name);
    const verdict = judgeLook(plan.spec, facts, last, tx.now);
    if (verdict.action === 'nothing') return;
    const inputs = { ...facts, lastRun: last?.id ?? null };
    if (verdict.action === 'decline') {
      await tx.decide({ subject: `plan/${plan.name}`, action: 'decline', by: 'training', inputs, outcome: { reason: verdict.reason } });
      return;
    }
    const reason = `${plan.spec.when}: labels ${facts.labels}, days ${facts.days}, versions ${facts.versions}, age ${facts.age}`;
    await beginWaiting(deps, tx, plan, set, { cause: { kind: 'plan', id: plan.name, reason }, by: 'training', inputs });
  },
};

async function factsOf(tx: Transaction, { spec }: Plan, set: KnownFeatureSet): Promise<Facts> {
  const { mature, first } = await countLabels(tx, set.name, tx.now);
  const { maturity } = readsOf(set.features, set.spec);
  return { labels: mature, days: wholeDays(first, set.longestWindow, maturity, tx.now), versions: await countPromoted(tx, spec.model), age: ageOf(await championOf(tx, spec.model), tx.now) };
}
