import { notFound, RheiError } from '@rhei/contracts';
import type { Logger } from 'pino';
import { pause, type Clock, type Instant } from './clock';
import type { ServiceDatabase } from './database';
import type { TimerHandler } from './service';
import { timerAttributes } from './span-attributes';
import { contextOf, finish } from './spans';
import { inContext } from './telemetry';
import { firstTimer, type TimerRow } from './timer-rows';

/** Milliseconds between looks at the rows: another replica may have armed one. */
const LOOK_EVERY = 1_000;
const LONGEST_BACKOFF = 60_000;

/** The business timers of one service. With the system clock they fire by themselves, with the replay clock when told to. */
export class Timers<Deps> {
  /** Fired since the start. */
  fired = 0;
  private readonly handlers: Map<string, TimerHandler<Deps>>;
  private readonly kinds: string[];
  private readonly failures = new Map<string, { attempts: number; notBefore: number }>();
  private readonly stopping = new AbortController();
  private woken = new AbortController();
  private loop: Promise<void> = Promise.resolve();

  constructor(handlers: TimerHandler<Deps>[], private readonly deps: () => Deps, private readonly database: ServiceDatabase, private readonly clock: Clock, private readonly log: Logger) {
    this.handlers = new Map(handlers.map((handler) => [handler.kind, handler]));
    this.kinds = [...this.handlers.keys()];
    if (this.handlers.size !== handlers.length) throw new Error(`Service ${database.service} lists two timers of one kind: ${handlers.map(({ kind }) => kind).join(', ')}.`);
  }

  start(): void {
    if (this.clock.kind === 'system' && this.kinds.length > 0) this.loop = this.run();
  }

  /** Something was armed in this process. */
  wake(): void {
    this.woken.abort('a timer was armed');
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.woken.abort();
    await this.loop;
  }

  next(): Promise<TimerRow | undefined> {
    return firstTimer(this.database, this.kinds);
  }

  /** Fires the first timer that is due, in the order (due, kind, key). Undefined when none is. */
  async fireFirst(): Promise<TimerRow | undefined> {
    const timer = await this.next();
    if (!timer || timer.due > this.clock.now()) return undefined;
    return (await this.fire(timer)) ? timer : this.fireFirst();
  }

  /** False when another replica was faster. */
  private fire(timer: TimerRow): Promise<boolean> {
    const { due, kind, key } = timer;
    const context = contextOf({ service: this.database.service, span: () => ({ name: `timer ${kind}`, attributes: timerAttributes(kind, key, due) }) });
    return inContext(context, async () => {
      const handler = this.handlers.get(kind);
      if (!handler) throw notFound(`Service ${this.database.service} has no timer of the kind "${kind}".`);
      const done = await this.database.run(async (tx) => {
        // The row is taken away first: a second firing waits here, and then finds nothing.
        const taken = await tx.query('DELETE FROM timer WHERE kind = $1 AND key = $2 AND due = $3 RETURNING 1', [kind, key, due]);
        if (taken.length === 0) return false;
        if (tx.now < due) throw new RheiError('internal', `The clock stands before timer ${kind}/${key}, which is due at ${due}.`);
        await handler.fire(this.deps(), { key, due }, tx);
        return true;
      }, due);
      if (!done) return false;
      this.fired += 1;
      finish(context.span);
      return true;
    }).catch((error: unknown) => {
      finish(context.span, error);
      throw error;
    });
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.woken = new AbortController();
      const wait = await this.pass().catch((error: unknown) => {
        this.log.warn({ err: error }, 'timers could not be read; tried again');
        return LOOK_EVERY;
      });
      if (wait > 0 && !this.stopping.signal.aborted) await pause(wait, this.woken.signal);
    }
  }

  /** Fires what is due and says for how many milliseconds there is nothing to do. */
  private async pass(): Promise<number> {
    const due = await this.database.query<TimerRow>('SELECT due, kind, key FROM timer WHERE kind = ANY($1) AND due <= $2 ORDER BY due, kind, key LIMIT 100', [this.kinds, this.clock.now()]);
    for (const timer of due) {
      if (this.stopping.signal.aborted) return 0;
      const id = JSON.stringify([timer.kind, timer.key]);
      if ((this.failures.get(id)?.notBefore ?? 0) > performance.now()) continue;
      try {
        await this.fire(timer);
        this.failures.delete(id);
      } catch (error) {
        this.failed(id, timer, error);
      }
    }
    const next = await this.nextAfter(this.clock.now());
    if (next !== undefined) return Math.min(LOOK_EVERY, Math.max(1, (next - this.clock.now()) / 1_000));
    return LOOK_EVERY;
  }

  private failed(id: string, timer: TimerRow, error: unknown): void {
    const attempts = (this.failures.get(id)?.attempts ?? 0) + 1;
    const wait = Math.min(LONGEST_BACKOFF, 500 * 2 ** Math.min(attempts, 10));
    this.failures.set(id, { attempts, notBefore: performance.now() + wait });
    this.log.error({ err: error, timer: `${timer.kind}/${timer.key}`, attempts }, 'a timer failed; it stays and is tried again');
  }

  private async nextAfter(now: Instant): Promise<Instant | undefined> {
    const [row] = await this.database.query<{ due: number | null }>('SELECT min(due) AS due FROM timer WHERE kind = ANY($1) AND due > $2', [this.kinds, now]);
    return row?.due ?? undefined;
  }
}
