import type { serving } from '@rhei/contracts';
import type { Transaction } from '@rhei/runtime';
import { joinTraces } from './join-traces';
import { rollBack } from './model';
import { insertPromotion, lockModel, saveModel } from './model.store';
import { recordOutdated } from './promote-model-version';

/**
 * Lets the alias follow what serving did: back to the version that answers now, if it still stands at the promotion that is
 * undone. The version that did harm is `rolled_back` unless it was promoted anew meanwhile; the decision says whether the alias moved.
 */
export async function rollBackModelVersion(rolledBack: serving.TrafficRolledBack, tx: Transaction): Promise<void> {
  const { deployment, model: name, version, live, by, reason, promotion } = rolledBack;
  const stored = await lockModel(tx, name);
  const done = rollBack(stored, { version, live, promotion, by, reason, at: rolledBack.rolledBackAt }, tx.now);
  const after = done?.model ?? stored;
  await joinTraces(tx, name, version);
  await saveModel(tx, stored, after);
  if (done?.moved) await insertPromotion(tx, done.moved);
  await tx.decide({
    subject: `model/${name}/${version}`, action: 'roll-back', by,
    inputs: { deployment, digest: rolledBack.digest, live, liveDigest: rolledBack.liveDigest, promotion, reason },
    outcome: { state: after.versions[version - 1].state, champion: after.champion, revision: after.revision, moved: done?.moved !== undefined },
  });
  if (!done?.moved) return;
  await recordOutdated(tx, stored, after);
  await tx.emit('ModelVersionPromoted', name, done.moved);
}
