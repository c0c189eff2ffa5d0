import type { Deps } from '../deps';
import { isTransient, Unservable } from './load-failure';
import type { Plan, Version } from './plan';
import type { Held } from './sessions';
import type { Division, Loaded } from './traffic';

/**
 * Loads what a plan needs. The live version and the candidate must load; one that only scores beside may be loaded when it is
 * needed, so that nothing keeps a rollback waiting. Errors: {@link Unservable} with the version that is at fault; what is transient.
 */
export async function loadPlan({ sessions, log }: Pick<Deps, 'sessions' | 'log'>, plan: Plan): Promise<Division> {
  const { live, candidate, kept, benchmark } = plan;
  const held: Held[] = [];
  const hold = async (digest: string): Promise<Held> => {
    const one = await sessions.hold(digest);
    held.push(one);
    return one;
  };
  const load = async (version: Version): Promise<Loaded> => {
    try {
      return { ...version, session: (await hold(version.digest)).session };
    } catch (error) {
      throw isTransient(error) ? error : new Unservable(version, error);
    }
  };
  try {
    const division = { plan, held, live: await load(live), ...(candidate !== null && { candidate: await load(candidate) }) };
    for (const { version, digest } of [...kept, ...(benchmark === null ? [] : [benchmark])]) {
      await hold(digest).catch((error: unknown) => log.warn({ err: error, deployment: plan.deployment, version }, 'a version that scores in shadow could not be loaded; it is tried again when it scores'));
    }
    return division;
  } catch (error) {
    await Promise.all(held.map((one) => one.release()));
    throw error;
  }
}
