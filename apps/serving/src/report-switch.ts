import type { Deps } from './deps';
import type { Champion } from './traffic';

/** Says once per deployment and revision that traffic has shifted, or why it cannot. */
export async function reportSwitch(deps: Deps, champion: Champion, failure?: string): Promise<void> {
  const { deployments, database } = deps;
  const affected = (await deployments.list()).filter(({ model }) => model === champion.model);
  if (affected.length === 0) return;
  await database.transaction(async (tx) => {
    for (const { name } of affected) {
      if (!(await deployments.recordShift(tx, name, champion, failure))) continue;
      const { model, version, digest, revision, replaces } = champion;
      await tx.decide({
        subject: `deployment/${name}`, action: failure === undefined ? 'shift-traffic' : 'refuse-traffic', by: 'serving',
        inputs: { model, version, digest, revision, replaces },
        outcome: failure === undefined ? { live: version, text: `version ${version} of ${model} answers` } : { reason: failure },
      });
      if (failure !== undefined) continue;
      await tx.emit('TrafficShifted', name, { deployment: name, model, version, digest, replaces, revision, shiftedAt: tx.now });
    }
  });
}
