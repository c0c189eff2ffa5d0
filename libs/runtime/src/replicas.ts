import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { RheiError, unavailable } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Logger } from 'pino';
import { isAlive } from './alive';
import { SystemClock, ReplayClock, pause, second, systemTime, type Clock, type Instant } from './clock';
import { ConfigError } from './config';
import type { ServiceDatabase } from './database';

/** A replica that has not renewed for so long does not count any more. */
const LEASE = 5 * second;
const RENEW_EVERY = 1_000;
/** With others beside it a replica looks at the clock this often (milliseconds). */
const LOOK_EVERY = 20;
const STARTED = Math.round(performance.timeOrigin);

export interface Birth {
  kind: 'system' | 'replay';
  /** Where the clock of a new replay database stands. */
  start: Instant | undefined;
}

/**
 * The clock that this database was born with.
 * @throws ConfigError when another kind is asked for, or a new replay database has no start
 */
export async function openClock(database: ServiceDatabase, { kind, start }: Birth): Promise<Clock> {
  const { service } = database;
  if (kind === 'system' || start !== undefined) {
    await database.query('INSERT INTO clock (kind, "time") VALUES ($1, $2) ON CONFLICT DO NOTHING', [kind, kind === 'replay' ? start : null]);
  }
  const [row] = await database.query<{ kind: string; time: number | null }>('SELECT kind, "time" FROM clock');
  if (!row) throw new ConfigError(`The database of ${service} is new and CLOCK=replay: expected CLOCK_START, the instant at which it begins. Example: CLOCK_START=2001-01-01T00:00:00Z`);
  if (row.kind !== kind) {
    throw new ConfigError(`The database of ${service} was born with CLOCK=${row.kind}, and CLOCK=${kind} was asked for. Its history is in ${row.kind === 'replay' ? 'virtual' : 'real'} time, `
      + `so the kind cannot change. Set CLOCK=${row.kind}, or use a new database (with the platform: another data folder).`);
  }
  return row.time === null ? new SystemClock() : new ReplayClock(row.time);
}

/** What a replica says about itself to the others, for `GetProgress`. */
export interface ReplicaProgress {
  counters: Record<string, number>;
  positions: { subscription: string; topic: string; partition: number; position: number }[];
}

/** This process's place among the live replicas of a service: a leased row that also carries what it has seen of the clock. */
export class Replica {
  readonly id = randomUUID();
  private readonly stopping = new AbortController();
  private loop: Promise<void> = Promise.resolve();
  private alone = true;

  constructor(
    private readonly database: ServiceDatabase,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly describe: () => ReplicaProgress,
    private readonly isReady: () => boolean,
  ) {}

  /** With the system clock nobody waits for a replica, so none is registered. */
  async start(): Promise<void> {
    if (this.clock.kind === 'system') return;
    await this.forgetDead();
    // In a transaction, during which the clock cannot move: a move either sees the row or came before it.
    await this.database.transaction((tx) => this.renew(tx));
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    if (this.clock.kind === 'system') return;
    await this.database.query('DELETE FROM replica WHERE id = $1', [this.id]).catch(() => undefined);
  }

  /** Moves the clock of the service; resolves when every live replica shows it. */
  async setTime(instant: Instant): Promise<Instant> {
    const { clock } = this;
    if (!(clock instanceof ReplayClock)) throw new RheiError('invalid', 'The clock of this service is the system clock: it cannot be moved.');
    for (let attempt = 0; ; attempt += 1) {
      const row = await this.move(instant);
      if (row) {
        if (instant < row.shown) {
          throw new RheiError('invalid', `The clock of ${this.database.service} stands at ${formatInstant(row.shown)} and only moves forward: got ${formatInstant(instant)}.`, { reason: 'TIME_GOES_BACK', field: 'time' });
        }
        clock.see(row.shown);
        if (row.waiting === 0) return row.shown;
      }
      if (attempt >= 1_000) throw unavailable(`Not every replica of ${this.database.service} has shown ${formatInstant(instant)} in time.`);
      await pause(5);
    }
  }

  /** Whether no other replica of the service was alive at the last look. */
  get isAlone(): boolean {
    return this.alone;
  }

  /** Ready and listed, of all live replicas. */
  async others(): Promise<{ ready: boolean; progress: ReplicaProgress }[]> {
    if (this.alone) return [];
    return this.database.query('SELECT ready, progress FROM replica WHERE lease_until > $1 AND id <> $2 ORDER BY id', [systemTime(), this.id]);
  }

  private async move(instant: Instant): Promise<{ shown: Instant; waiting: number } | undefined> {
    try {
      const [row] = await this.database.query<{ shown: number; waiting: number }>('SELECT shown, waiting FROM set_clock($1, $2, $3)', [instant, this.id, systemTime()]);
      return row;
    } catch (error) {
      // Lock timeout: a transaction is still running on the old instant.
      if ((error as { code?: string }).code === '55P03') return undefined;
      throw error;
    }
  }

  private async run(): Promise<void> {
    let renewed = performance.now();
    while (!this.stopping.signal.aborted) {
      await pause(this.alone ? RENEW_EVERY : LOOK_EVERY, this.stopping.signal);
      if (this.stopping.signal.aborted) return;
      try {
        if (this.clock instanceof ReplayClock && !this.alone) await this.look(this.clock);
        if (performance.now() - renewed >= RENEW_EVERY) {
          await this.renew();
          renewed = performance.now();
        }
      } catch (error) {
        this.log.debug({ err: error }, 'the replica could not renew its lease; it tries again');
      }
    }
  }

  private async look(clock: ReplayClock): Promise<void> {
    const [{ time }] = await this.database.query<{ time: number }>('SELECT "time" FROM clock');
    clock.see(time);
    await this.database.query('UPDATE replica SET acknowledged = $2, ready = $3, progress = $4 WHERE id = $1 AND (acknowledged, ready, progress) IS DISTINCT FROM ($2, $3, $4)',
      [this.id, time, this.isReady(), JSON.stringify(this.describe())]);
  }

  private async renew(q: Queryable = this.database): Promise<void> {
    const now = systemTime();
    const [{ time, live }] = await q.query<{ time: number; live: number }>(
      `WITH mine AS (
         INSERT INTO replica (id, host, pid, started, lease_until, acknowledged, ready, progress)
         SELECT $1, $2, $3, $8, $4, coalesce("time", 0), $5, $6 FROM clock
         ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until, ready = excluded.ready, progress = excluded.progress)
       SELECT coalesce("time", 0) AS "time", (SELECT count(*) FROM replica WHERE lease_until > $7 AND id <> $1) AS live FROM clock`,
      [this.id, hostname(), process.pid, now + LEASE, this.isReady(), JSON.stringify(this.describe()), now, STARTED]);
    if (this.clock instanceof ReplayClock) this.clock.see(time);
    this.alone = live === 0;
  }

  /** A process that was killed leaves its lease; on this very host its death can be seen, and nobody need wait for the lease. */
  private async forgetDead(): Promise<void> {
    const rows = await this.database.query<{ id: string; pid: number; started: number }>('SELECT id, pid, started FROM replica WHERE host = $1', [hostname()]);
    // A container's process has the same number after every restart, so the number alone says nothing.
    const dead = rows.filter(({ pid, started }) => (pid === process.pid ? started !== STARTED : !isAlive(pid))).map(({ id }) => id);
    if (dead.length > 0) await this.database.query('DELETE FROM replica WHERE id = ANY($1)', [dead]);
  }
}
