import type { Deps } from '../deps';
import type { Champion } from './traffic';

/**
 * Reports that this replica answers with a version, or why it cannot. The last live replica to switch says so for all, once
 * per deployment and revision; the first that must not serve the version refuses it for all: same bytes, same verdict.
 */
export async function reportSwitch(deps: Deps, champion: Champion, failure?: string): Promise<void> {
  if (await report(deps, champion, failure)) return;
  // Nobody tells when a replica ends, so who waits for it looks.
  deps.pending.watch(champion.model, () => report(deps, deps.traffic.of(champion.model) ?? champion));
}

/** False while other replicas have still to switch. */
async function report({ deployments, switches, database }: Deps, champion: Champion, failure?: string): Promise<boolean> {
  const affected = (await deployments.list()).filter(({ model }) => model === champion.model);
  if (affected.length === 0) return true;
  return database.transaction(async (tx) => {
    await switches.hold(tx, champion.model);
    let over = true;
    for (const { name } of affected) {
      if (failure === undefined) {
        await switches.note(tx, name, champion);
        if (await switches.isSaid(tx, name, champion)) continue;
        if (!(await switches.madeByOthers(tx, name, champion))) {
          over = false;
          continue;
        }
      }
      if (!(await switches.record(tx, name, champion, failure))) continue;
      const { model, version, digest, revision, replaces } = champion;
      await tx.decide({
        subject: `deployment/${name}`, action: failure === undefined ? 'shift-traffic' : 'refuse-traffic', by: 'serving',
        inputs: { model, version, digest, revision, replaces },
        outcome: failure === undefined ? { live: version, text: `version ${version} of ${model} answers` } : { reason: failure },
      });
      if (failure !== undefined) continue;
      await tx.emit('TrafficShifted', name, { deployment: name, model, version, digest, replaces, revision, shiftedAt: tx.now, stage: 'live', candidate: 0, candidateDigest: '', share: 0, reason: '' });
    }
    return over;
  });
}
