import type { Duration, Instant } from '@rhei/expressions';

export type { Duration, Instant };

export const second: Duration = 1_000_000;
export const minute: Duration = 60 * second;
export const hour: Duration = 60 * minute;
export const day: Duration = 24 * hour;

/**
 * Business time: arrival, as-of, windows, TTL, maturity, cooldowns. May be virtual (CLOCK=replay): then it stands still
 * between moves and only moves forward. Inside a transaction use `tx.now`, which is checked against the database.
 */
export interface Clock {
  readonly kind: 'system' | 'replay';
  now(): Instant;
}

/** The wall clock in microseconds. It never goes back within a process, whatever is done to the host's clock. */
export class SystemClock implements Clock {
  readonly kind = 'system';
  private last = 0;

  now(): Instant {
    this.last = Math.max(this.last, systemTime());
    return this.last;
  }
}

/** The virtual clock as this replica has last seen it; the truth is the row in the service's database. */
export class ReplayClock implements Clock {
  readonly kind = 'replay';

  constructor(private time: Instant) {}

  now(): Instant {
    return this.time;
  }

  /** Takes over what the database says. An older instant changes nothing. */
  see(time: Instant): void {
    this.time = Math.max(this.time, time);
  }
}

/** System time in microseconds: for leases, retries and what is recorded and never decides. */
export const systemTime = (): Instant => Date.now() * 1000;

/** Milliseconds on a clock that only moves forward. */
export const elapsed = (): number => performance.now();

/** Waits `ms`; ends early, without an error, when the signal is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
