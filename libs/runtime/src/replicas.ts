import { hostname } from 'node:os';
import { RheiError, unavailable } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Logger } from 'pino';
import { isAlive } from './alive';
import { hour, minute, SystemClock, ReplayClock, pause, second, type Clock, type Instant } from './clock';
import { ConfigError } from './config';
import type { ServiceDatabase } from './database';

/** A replica that has not renewed for so long does not count any more. */
const LEASE = 5 * second;
/** For so long a silent one may only be asleep, and what it writes when it wakes up must be seen. */
const ASLEEP = minute;
/** Silent for so long, it is forgotten with what services keep of it. Longer than a database is away: then all are silent. */
const FORGOTTEN = hour;
const RENEW_EVERY = 1_000;
/** With others beside it a replica looks at a virtual clock this often (milliseconds). */
const LOOK_EVERY = 5;
/** Milliseconds that a move of the clock may take: a lease that ends, and a lock that is given up. */
const MOVE = 12_000;
/** Leases are compared by the database's own clock: hosts differ. The start of a statement is never after what it sees. */
const NOW = '(extract(epoch FROM statement_timestamp()) * 1000000)::bigint';
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

/** This process's place among the live replicas of a service: a leased row that also carries what it has seen of a virtual clock. */
export class Replica {
  private readonly stopping = new AbortController();
  private loop: Promise<void> = Promise.resolve();
  private alone = true;
  private changes = 0;
  /** What the row says of this replica, as it was written last. */
  private told: string | undefined;

  constructor(
    readonly id: string,
    private readonly database: ServiceDatabase,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly describe: () => ReplicaProgress,
    private readonly isReady: () => boolean,
  ) {}

  /**
   * Takes a place. With a virtual clock it resolves when the others know of it: they must not answer for the service alone
   * while this one begins to act.
   */
  async start(): Promise<void> {
    await this.forgetDead();
    // In a transaction, during which the clock cannot move: a move either sees the row or came before it.
    await this.database.transaction((tx) => this.renew(tx));
    this.loop = this.run();
    if (this.clock.kind === 'replay' && !this.alone) await this.untilSeen();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    await this.database.query('DELETE FROM replica WHERE id = $1', [this.id]).catch(() => undefined);
  }

  /** Writes at once what the row says of this replica, such as that it is ready. */
  async tell(): Promise<void> {
    await this.renew();
  }

  /** Moves the clock of the service; resolves when every live replica shows it. */
  async setTime(instant: Instant): Promise<Instant> {
    const { clock } = this;
    if (!(clock instanceof ReplayClock)) throw new RheiError('invalid', 'The clock of this service is the system clock: it cannot be moved.');
    for (const until = performance.now() + MOVE; ; ) {
      const row = await this.move(instant);
      if (row) {
        if (instant < row.shown) {
          throw new RheiError('invalid', `The clock of ${this.database.service} stands at ${formatInstant(row.shown)} and only moves forward: got ${formatInstant(instant)}.`, { reason: 'TIME_GOES_BACK', field: 'time' });
        }
        clock.see(row.shown);
        if (row.waiting === 0) return row.shown;
      }
      if (performance.now() > until) throw unavailable(`Not every replica of ${this.database.service} has shown ${formatInstant(instant)} in time.`, { retryAfter: 100 });
      await pause(5);
    }
  }

  /**
   * A name for the time during which no other replica was there, undefined when there is one. What was read of the rows of
   * the service while alone says nothing once somebody else has been there.
   */
  get solitude(): number | undefined {
    return this.alone ? this.changes : undefined;
  }

  /** Ready and listed, of all other live replicas. */
  async others(): Promise<{ ready: boolean; progress: ReplicaProgress }[]> {
    if (this.alone) return [];
    return this.database.query(`SELECT ready, progress FROM replica WHERE lease_until > ${NOW} AND id <> $1 ORDER BY id`, [this.id]);
  }

  private async move(instant: Instant): Promise<{ shown: Instant; waiting: number } | undefined> {
    try {
      const [row] = await this.database.query<{ shown: number; waiting: number }>(`SELECT shown, waiting FROM set_clock($1, $2, ${NOW})`, [instant, this.id]);
      return row;
    } catch (error) {
      // Lock timeout: a transaction is still running on the old instant.
      if ((error as { code?: string }).code === '55P03') return undefined;
      throw error;
    }
  }

  private async untilSeen(): Promise<void> {
    const [{ joined }] = await this.database.query<{ joined: Instant }>(`SELECT ${NOW} AS joined`);
    while (!this.stopping.signal.aborted) {
      // Who has renewed since has seen this row; whose lease ends without that is gone.
      const [{ blind }] = await this.database.query<{ blind: number }>(
        `SELECT count(*) AS blind FROM replica WHERE id <> $1 AND lease_until > ${NOW} AND lease_until <= $2`, [this.id, joined + LEASE]);
      if (blind === 0) return;
      await pause(50, this.stopping.signal);
    }
  }

  private async run(): Promise<void> {
    const virtual = this.clock instanceof ReplayClock ? this.clock : undefined;
    let renewed = performance.now();
    while (!this.stopping.signal.aborted) {
      await pause(virtual === undefined || this.alone ? RENEW_EVERY : LOOK_EVERY, this.stopping.signal);
      if (this.stopping.signal.aborted) return;
      try {
        if (virtual !== undefined && !this.alone) await this.look(virtual);
        if (virtual === undefined || performance.now() - renewed >= RENEW_EVERY) {
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
    // Seen first, then acknowledged: whoever asks this replica after the move gets the new instant.
    clock.see(time);
    const progress = JSON.stringify(this.describe());
    const ready = this.isReady();
    const now = `${time} ${ready} ${progress}`;
    if (now === this.told) return;
    await this.database.query('UPDATE replica SET acknowledged = $2, ready = $3, progress = $4 WHERE id = $1', [this.id, time, ready, progress]);
    this.told = now;
  }

  private async renew(q: Queryable = this.database): Promise<void> {
    this.told = undefined;
    // Nobody asks for the progress of a service on the system clock.
    const progress: ReplicaProgress = this.clock.kind === 'replay' ? this.describe() : { counters: {}, positions: [] };
    const [{ time, others }] = await q.query<{ time: number; others: number }>(
      `WITH mine AS (
         INSERT INTO replica (id, host, pid, started, lease_until, acknowledged, ready, progress)
         SELECT $1, $2, $3, $4, ${NOW} + ${LEASE}, coalesce("time", 0), $5, $6 FROM clock
         ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until, ready = excluded.ready, progress = excluded.progress),
       forgotten AS (DELETE FROM replica WHERE id <> $1 AND lease_until < ${NOW} - ${FORGOTTEN})
       SELECT coalesce("time", 0) AS "time", (SELECT count(*) FROM replica WHERE id <> $1 AND lease_until >= ${NOW} - ${ASLEEP}) AS others FROM clock`,
      [this.id, hostname(), process.pid, STARTED, this.isReady(), JSON.stringify(progress)]);
    if (this.clock instanceof ReplayClock) this.clock.see(time);
    const alone = others === 0;
    if (alone !== this.alone) this.changes += 1;
    this.alone = alone;
  }

  /** A process that was killed leaves its lease; on this very host its death can be seen, and nobody need wait for the lease. */
  private async forgetDead(): Promise<void> {
    const rows = await this.database.query<{ id: string; pid: number; started: number }>('SELECT id, pid, started FROM replica WHERE host = $1', [hostname()]);
    // A container's process has the same number after every restart, so the number alone says nothing.
    const dead = rows.filter(({ pid, started }) => (pid === process.pid ? started !== STARTED : !isAlive(pid))).map(({ id }) => id);
    if (dead.length > 0) await this.database.query('DELETE FROM replica WHERE id = ANY($1)', [dead]);
  }
}
