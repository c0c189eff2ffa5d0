import type { registry } from '@rhei/contracts';
import type { Deps } from './deps';
import { joinTraces } from './join-traces';
import { approve, withVersion, type Judgement } from './model';
import { lockModel } from './model.store';
import { promoteWithin } from './promote-model-version';

/**
 * Records a person's yes to one artifact and promotes the version in the same transaction.
 * @throws forbidden for one's own work, conflict when the digest is another or it is decided already, gate_not_met, not_found
 */
export const approveModelVersion = ({ database }: Deps, { model: name, ...judgement }: Judgement & { model: string }): Promise<registry.ModelVersionPromoted> =>
  database.transaction(async (tx) => {
    const stored = await lockModel(tx, name);
    const version = approve(stored, judgement);
    await joinTraces(tx, name, version.version);
    await tx.decide({
      subject: `model/${name}/${version.version}`, action: 'approve', by: judgement.by,
      inputs: { digest: version.digest, author: version.author, comment: judgement.reason }, outcome: { approved: true },
    });
    return promoteWithin(tx, stored, withVersion(stored, version), { version: version.version, by: judgement.by, expectedRevision: 0 });
  });
