import { RheiError } from '@rhei/contracts';
import { broadcast } from '@rhei/runtime';
import type { Deps } from './deps';
import { ModelSession } from './traffic/model-session';
import { reportSwitch } from './traffic/report-switch';
import type { Champion } from './traffic/traffic';

/** Every replica loads the new champion and moves its traffic to it. */
export const onModelVersionPromoted = broadcast('ModelVersionPromoted', async (deps: Deps, { payload }) => {
  await deps.deployments.rememberChampion(payload);
  await switchTraffic(deps, payload);
});

const transient = new Set<string>(['unavailable', 'not_found', 'deadline_exceeded', 'overloaded']);

/**
 * Makes the champion of a model answer, in the order that keeps answers right: fetch, verify the digest, vet, load, warm up,
 * *then* switch, then let the old version finish. An older revision changes nothing.
 */
export async function switchTraffic(deps: Deps, champion: Champion): Promise<void> {
  const { traffic, log } = deps;
  const now = traffic.of(champion.model);
  if (now !== undefined && now.revision > champion.revision) return;
  // Switched already, but perhaps not said: the process may have ended in between, or a deployment come since.
  if (now?.revision === champion.revision) return reportSwitch(deps, champion);
  let session: ModelSession;
  try {
    session = await ModelSession.load(deps.blobs, champion.digest);
  } catch (error) {
    // What cannot be fetched now can be later; what must not be served stays out, and the old version goes on.
    if (error instanceof RheiError && transient.has(error.code)) throw error;
    log.error({ err: error, model: champion.model, version: champion.version }, 'a promoted version cannot be loaded');
    await reportSwitch(deps, champion, (error as Error).message);
    // Where others do serve it, the fault is this replica's: it must not say that it is ready.
    if (await deps.switches.isLive(champion)) throw error;
    return;
  }
  const { switched, before } = traffic.switchTo({ ...champion, session });
  if (!switched) return session.release();
  try {
    await reportSwitch(deps, champion);
  } finally {
    if (before !== undefined) await traffic.release(before);
  }
}
