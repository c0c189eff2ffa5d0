import type { registry } from '@rhei/contracts';
import type { Transaction } from '@rhei/runtime';
import type { Deps } from './deps';
import { joinTraces } from './join-traces';
import { championDigest, evolve, promote, type Model, type Promote } from './model';
import { insertPromotion, lockModel, saveModel } from './model.store';

/**
 * Moves the alias `champion` to a version whose gates are met and that is approved where the model asks for it.
 * @throws conflict RACE_LOST, gate_not_met with every unmet gate, not_found
 */
export const promoteModelVersion = ({ database }: Deps, { model, ...command }: Promote & { model: string }): Promise<registry.ModelVersionPromoted> =>
  database.transaction(async (tx) => {
    const before = await lockModel(tx, model);
    await joinTraces(tx, model, command.version);
    return promoteWithin(tx, before, before, command);
  });

/** The same as part of a decision that changed the model from `stored` to `model` in this transaction. */
export async function promoteWithin(tx: Transaction, stored: Model, model: Model, command: Promote): Promise<registry.ModelVersionPromoted> {
  const promoted = promote(model, command, tx.now);
  const after = evolve(model, promoted);
  await saveModel(tx, stored, after);
  await insertPromotion(tx, promoted);
  await tx.decide({
    subject: `model/${model.name}/${promoted.version}`, action: 'promote', by: promoted.by,
    inputs: {
      digest: promoted.digest, replaces: promoted.replaces, replacesDigest: promoted.replacesDigest,
      ...(command.despiteRollback === true && { despiteRollback: true }), ...(promoted.reason !== '' && { reason: promoted.reason }),
    },
    outcome: { revision: promoted.revision },
  });
  await recordOutdated(tx, model, after);
  await tx.emit('ModelVersionPromoted', model.name, promoted);
  return promoted;
}

/** Records for each version that waited that the champion it was compared with is champion no more. */
export async function recordOutdated(tx: Transaction, before: Model, after: Model): Promise<void> {
  for (const version of outdated(before, after)) {
    await tx.decide({
      subject: `model/${after.name}/${version.version}`, action: 'outdate', by: 'registry',
      inputs: { comparedWith: version.comparedWith, champion: championDigest(after) }, outcome: { state: version.state },
    });
  }
}

const outdated = (before: Model, after: Model): Model['versions'] =>
  after.versions.filter(({ state }, index) => state === 'gates_unmet' && before.versions[index].state !== 'gates_unmet');
