import { shared } from '@rhei/runtime';
import { keepLive } from './copies.store';
import type { Deps } from './deps';
import { awaitJudgement } from './promotion/await-judgement';
import { endRetrainings } from './window/retraining.store';
import { startWindows } from './window/start-windows';

/**
 * A live version begins windows, brings its reference, ends what was asked for before it, and is judged one day. While another is only
 * tried beside it (a shadow, a canary) it is told again, which changes nothing. After a rollback another may be live; nobody promoted it.
 */
export const onTrafficShifted = shared('TrafficShifted', async (_deps: Deps, { payload }, tx) => {
  const { deployment, revision, model, version, digest, replaces, shiftedAt, stage } = payload;
  if (version === 0) return;
  const promoted = await keepLive(tx, { deployment, revision, model, version, digest, from: shiftedAt });
  if (stage !== 'rolled_back') {
    await endRetrainings(tx, model, { at: tx.now, by: `version ${version} is live`, version });
    if (promoted && replaces !== 0 && replaces !== version) await awaitJudgement(tx, { deployment, revision, model, version, replaced: replaces, digest, liveFrom: shiftedAt });
  }
  await startWindows(tx, deployment);
});
