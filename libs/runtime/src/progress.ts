import { runtime, unavailable } from '@rhei/contracts';
import { outstandingOf, type Outstanding } from '@rhei/messaging';
import { pause } from './clock';
import type { RunningService } from './running-service';
import type { TimerRow } from './timer-rows';

/** Milliseconds for which a question waits for quiet. */
const WAIT = 200;
/** Milliseconds until the second look, and at most: what another process or the relay does wakes nobody here. */
const FIRST_LOOK = 1;
const LOOK_EVERY = 4;
const WOKEN = 'something was committed';

export type Progress = runtime.GetProgressResponse;

/** What a service still has to do, read from its rows and the log: replay.md, Control. */
export class ProgressOf {
  private woken = new AbortController();
  private atRest: { at: string; rows: Rows } | undefined;

  constructor(private readonly service: RunningService) {}

  /** Something was committed in this process. */
  wake(): void {
    // With a reason: without one an exception is built, stack trace and all, after every commit.
    this.woken.abort(WOKEN);
  }

  /** Answers when nothing is left to do, or after a bounded time with what is. */
  async whenQuiet(): Promise<Progress> {
    let wait = FIRST_LOOK;
    for (const until = performance.now() + WAIT; ; wait = Math.min(wait * 2, LOOK_EVERY)) {
      this.woken = new AbortController();
      const { signal } = this.woken;
      const progress = await this.read();
      if (isQuiet(progress) || performance.now() >= until) return progress;
      await pause(wait, signal);
    }
  }

  /**
   * A name for the state of the service's rows. They stay as they are until somebody writes or the clock moves; with no
   * other replica that happens in this process, so what was read at a state holds for it. A story asks thousands of times.
   */
  private state(): string | undefined {
    const { database, clock, replica } = this.service;
    return replica.solitude === undefined ? undefined : `${replica.solitude}/${database.commits}/${clock.now()}`;
  }

  private async readRows(at: string | undefined): Promise<Rows> {
    const { service } = this;
    if (at !== undefined && this.atRest?.at === at) return this.atRest.rows;
    const [inFlight, outstanding, nextTimer] = await Promise.all([
      service.definition.inFlight?.(service.deps) ?? ({} as Record<string, number>),
      outstandingOf(service.database),
      service.timers.next(),
    ]);
    const rows = { inFlight, outstanding, nextTimer };
    // What is under way may end, and what is unsent is marked as sent, without a commit here.
    const busy = outstanding.unsent > 0 || Object.values(inFlight).some((count) => count > 0);
    this.atRest = busy || at === undefined ? undefined : { at, rows };
    return rows;
  }

  private async read(): Promise<Progress> {
    const { service } = this;
    const because = service.notReadyBecause;
    if (because !== undefined) throw unavailable(`Service ${service.name} is not ready: ${because}.`, { reason: 'NOT_READY', retryAfter: 100 });
    const at = this.state();
    const [{ inFlight, outstanding, nextTimer }, positions, others] = await Promise.all([this.readRows(at), service.subscriptions.progress(at), service.replica.others()]);
    if (others.some(({ ready }) => !ready)) throw unavailable(`A replica of ${service.name} has not taken its first listing yet.`, { reason: 'NOT_READY', retryAfter: 100 });
    const counters = service.counters();
    for (const { progress } of others) for (const [name, value] of Object.entries(progress.counters)) counters[name] = (counters[name] ?? 0) + value;
    return {
      time: service.clock.now(),
      inFlight: Object.fromEntries(Object.entries(inFlight).filter(([, count]) => count > 0)),
      ...outstanding, counters,
      // Of several replicas the one that is furthest behind counts.
      positions: positions.map((place) => ({
        ...place,
        position: Math.min(place.position, ...others.flatMap(({ progress }) => progress.positions)
          .filter((other) => other.subscription === place.subscription && other.topic === place.topic && other.partition === place.partition)
          .map(({ position }) => position)),
      })),
      ...(nextTimer && { nextTimer }),
    };
  }
}

interface Rows {
  inFlight: Record<string, number>;
  outstanding: Outstanding;
  nextTimer: TimerRow | undefined;
}

/** Nothing under way, nothing unsent, every position at its head. Settled is this twice in a row, with equal counters. */
export function isQuiet({ inFlight, unsent, positions }: Progress): boolean {
  return unsent === 0 && Object.values(inFlight).every((count) => count === 0) && positions.every(({ position, head }) => position >= head);
}
