import type { Deps } from './deps';
import { joinTraces } from './join-traces';
import { reject, withVersion, type Judgement } from './model';
import { lockModel, saveModel } from './model.store';

/**
 * Records a person's no to one artifact.
 * @throws forbidden for one's own work, conflict when the digest is another or it is decided already, not_found
 */
export const rejectModelVersion = ({ database }: Deps, { model: name, ...judgement }: Judgement & { model: string }): Promise<void> =>
  database.transaction(async (tx) => {
    const stored = await lockModel(tx, name);
    const version = reject(stored, judgement);
    await joinTraces(tx, name, version.version);
    await saveModel(tx, stored, withVersion(stored, version));
    await tx.decide({
      subject: `model/${name}/${version.version}`, action: 'reject', by: judgement.by,
      inputs: { digest: version.digest, author: version.author, reason: judgement.reason }, outcome: { approved: false },
    });
  });
