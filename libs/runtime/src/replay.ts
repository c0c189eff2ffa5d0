import { invalid, runtime } from '@rhei/contracts';
import { named } from './dispatch';
import type { RunningService } from './running-service';
import type { Rpc } from './service';

const roles: ['admin'] = ['admin'];

/** `rhei.runtime.v1.ReplayControl`, for the services of this process whose clock is virtual. */
export function replayControl(services: ReadonlyMap<string, RunningService>): Rpc {
  return {
    definition: runtime.ReplayControlService,
    methods: {
      setTime: {
        roles, deadline: 15_000,
        handle: async ({ service, time }: runtime.SetTimeRequest): Promise<runtime.SetTimeResponse> => ({ time: await setTime(named(services, service), time) }),
      },
      runTimer: {
        roles, deadline: 30_000,
        handle: async ({ service }: runtime.RunTimerRequest): Promise<runtime.RunTimerResponse> => runTimer(named(services, service)),
      },
      getProgress: {
        roles, deadline: 10_000,
        handle: ({ service }: runtime.GetProgressRequest): Promise<runtime.GetProgressResponse> => named(services, service).progress.whenQuiet(),
      },
    },
  };
}

/** Moves the clock of a service forward. Errors: `invalid` for an instant before the one that it shows. */
export function setTime(service: RunningService, time: number): Promise<number> {
  if (!Number.isSafeInteger(time)) throw invalid(`Expected an instant in whole microseconds since 1970, got ${time}.`, { field: 'time', got: String(time) });
  return service.replica.setTime(time);
}

/** Fires the first due timer of a service, and says what fired and what is next. */
export async function runTimer({ timers }: RunningService): Promise<runtime.RunTimerResponse> {
  const fired = await timers.fireFirst();
  const next = await timers.next();
  return { ...(fired && { fired }), ...(next && { next }) };
}
