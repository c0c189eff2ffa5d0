import { call, pause } from '@rhei/runtime';
import type { Deps } from '../deps';
import { takeDeployments, takePlans } from '../deployment/take-deployments';
import { planPromotion } from './plan-traffic';

/** Milliseconds before a failed listing is tried again; longer with every attempt. */
const firstPause = 500;
const longestPause = 10_000;

/** Tries a failed listing again beside the requests, one attempt at a time, until it succeeds or the service stops. */
export class ChampionListing {
  /** Whether this replica has taken up what it must know before it answers. */
  ready = false;
  private trying: Promise<void> | undefined;
  private readonly stopping = new AbortController();

  again(list: () => Promise<void>): void {
    this.trying ??= this.untilListed(list).finally(() => { this.trying = undefined; });
  }

  async stop(): Promise<void> {
    this.ready = false;
    this.stopping.abort();
    await this.trying;
  }

  private async untilListed(list: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      await pause(Math.min(longestPause, firstPause * attempt), this.stopping.signal);
      if (this.stopping.signal.aborted) return;
      if (await list().then(() => true, () => false)) return;
    }
  }
}

/**
 * The present state, before readiness and now and then: what this service remembers, then what the registry says, which may
 * be newer. A service that answers already goes on when the registry or a file is away, and tries again beside its requests.
 * Errors: what failed, when nothing is live yet; then there is nothing to be ready for.
 */
export async function refresh(deps: Deps): Promise<void> {
  try {
    await list(deps);
  } catch (error) {
    if (!deps.traffic.answers()) throw error;
    deps.log.warn({ err: error }, 'the champions could not all be taken up; the last good versions answer, and it is tried again');
    deps.listing.again(() => list(deps));
  }
  deps.listing.ready = true;
}

async function list(deps: Deps): Promise<void> {
  const own = await takeDeployments(deps).then(() => undefined, (error: unknown) => ({ error }));
  const { champions } = await call(deps.registry, 'listChampions', {}, { deadline: 2_000 });
  for (const champion of champions) await planPromotion(deps, champion);
  // What was planned meanwhile as well: the others no longer wait for a replica that has reported nothing yet.
  await takePlans(deps);
  if (own !== undefined) throw own.error;
}
