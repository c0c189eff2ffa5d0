import type { Deps } from './deps';
import { joinTraces } from './join-traces';
import { deprecate, restore, versionOf, withVersion, type Statement } from './model';
import { lockModel, saveModel } from './model.store';

/**
 * Takes a version out of use, with a reason.
 * @throws conflict for the champion, and for one that is deprecated already; invalid without a reason; not_found
 */
export const deprecateModelVersion = ({ database }: Deps, { model: name, ...statement }: Statement & { model: string }): Promise<void> =>
  database.transaction(async (tx) => {
    const stored = await lockModel(tx, name);
    const version = deprecate(stored, statement, tx.now);
    await joinTraces(tx, name, version.version);
    await saveModel(tx, stored, withVersion(stored, version));
    await tx.decide({
      subject: `model/${name}/${version.version}`, action: 'deprecate', by: statement.by,
      inputs: { digest: version.digest, from: version.brought.from, reason: statement.reason }, outcome: { state: version.state },
    });
  });

/**
 * Takes a deprecation back, with a reason.
 * @throws conflict when the version is not deprecated; invalid without a reason; not_found
 */
export const restoreModelVersion = ({ database }: Deps, { model: name, ...statement }: Statement & { model: string }): Promise<void> =>
  database.transaction(async (tx) => {
    const stored = await lockModel(tx, name);
    const version = restore(stored, statement);
    await joinTraces(tx, name, version.version);
    await saveModel(tx, stored, withVersion(stored, version));
    await tx.decide({
      subject: `model/${name}/${version.version}`, action: 'restore', by: statement.by,
      inputs: { digest: version.digest, deprecatedBecause: versionOf(stored, version.version).brought.reason, reason: statement.reason }, outcome: { state: version.state },
    });
  });
