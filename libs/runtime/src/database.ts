import { overloaded, unavailable, type ServiceName } from '@rhei/contracts';
import type { Logger } from 'pino';
import type { DataSource, EntitySchema, MigrationInterface } from 'typeorm';
import { CLOCK_LOCK } from './advisory-locks';
import { pause, systemTime, type Clock, type Instant, type ReplayClock } from './clock';
import { ConfigError, withoutSecret } from './config';
import { createDataSource, poolOf, type PoolClient } from './data-source';
import { isLostConnection, isPoolTimeout, isRepeatable, isStalePlan, translated } from './database-errors';
import { migrate } from './migrate';
import { StatementNames } from './sql-names';
import type { Database, Transaction } from './transaction';
import { TransactionScope, type Afterwards } from './transaction-scope';

const ATTEMPTS = 20;

export interface OpenOptions {
  service: ServiceName;
  url: string;
  migrations: (new () => MigrationInterface)[];
  entities?: EntitySchema[];
  log: Logger;
  poolSize?: number;
}

/** The database of one service: a pool of its own, transactions on the business clock, and recovery from lost connections. */
export class ServiceDatabase implements Database {
  /** Committed transactions since the start; one of the counters by which a story sees that something happened. */
  commits = 0;
  private clock: Clock | undefined;
  private readonly names = new StatementNames();
  private readonly listeners: ((afterwards: Afterwards) => void)[] = [];
  private lost = false;
  private closing = new AbortController();

  private constructor(readonly service: ServiceName, readonly dataSource: DataSource, private readonly log: Logger) {
    // Without a listener the death of a connection that is in use would end the process. The first connections are older
    // than this object, so it looks when one is taken, not when one is made.
    const heard = new WeakSet<PoolClient>();
    poolOf(dataSource).on('acquire', (client: PoolClient) => {
      if (!heard.has(client)) client.on('error', (error: Error) => this.note(error));
      heard.add(client);
    });
    poolOf(dataSource).on('error', (error) => this.note(error));
  }

  /**
   * Connects and migrates.
   * @throws RheiError `unavailable` while the server does not answer, ConfigError when it refuses: both name the database
   */
  static async open({ service, url, migrations, entities, log, poolSize }: OpenOptions): Promise<ServiceDatabase> {
    const dataSource = createDataSource({ url, name: `rhei ${service}`, ...(entities && { entities }), ...(poolSize && { poolSize }) });
    try {
      await dataSource.initialize();
    } catch (error) {
      const reason = (error as Error).message || (error as NodeJS.ErrnoException).code;
      const place = `The database of ${service} at ${withoutSecret('', url)}`;
      const hint = `Start PostgreSQL there, or change ${service.toUpperCase()}_DATABASE_URL.`;
      if (isLostConnection(error)) throw unavailable(`${place} does not answer: ${reason}. ${hint}`, { reason: 'DATABASE_UNAVAILABLE' });
      throw new ConfigError(`${place} cannot be used: ${reason}. ${hint}`);
    }
    const database = new ServiceDatabase(service, dataSource, log);
    try {
      const ran = await migrate(dataSource, migrations);
      if (ran.length > 0) log.info({ migrations: ran }, 'the database is up to date');
    } catch (error) {
      await database.close();
      throw error;
    }
    return database;
  }

  /** Binds the business clock; transactions are possible from now on. */
  useClock(clock: Clock): void {
    this.clock = clock;
  }

  /** Called after each commit, in the process that made it. */
  onCommit(listener: (afterwards: Afterwards) => void): void {
    this.listeners.push(listener);
  }

  /** Whether the last thing heard of the server was good. */
  get reachable(): boolean {
    return !this.lost;
  }

  async query<Row = Record<string, unknown>>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    for (let attempt = 1; ; attempt += 1) {
      const name = this.names.nameOf(sql);
      try {
        const { rows } = await poolOf(this.dataSource).query({ text: sql, values: parameters, ...(name !== undefined && { name }) });
        return rows as Row[];
      } catch (error) {
        if (isStalePlan(error) && attempt < ATTEMPTS) {
          this.names.renew();
          continue;
        }
        throw this.failure(error);
      }
    }
  }

  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return this.run(work);
  }

  /** As {@link transaction}; `armAfter` is the due time of the timer that fires, before which none may be armed. */
  async run<Result>(work: (tx: Transaction) => Promise<Result>, armAfter?: Instant): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(work, armAfter);
      } catch (error) {
        if (!isRepeatable(error) || attempt >= ATTEMPTS) throw this.failure(error);
        if (isStalePlan(error)) this.names.renew();
        this.log.debug({ err: error, attempt }, 'the transaction is repeated');
        await pause(Math.min(100, attempt * attempt * 2));
      }
    }
  }

  /** A cheap look at whether the server answers. */
  async ping(): Promise<boolean> {
    try {
      await poolOf(this.dataSource).query('SELECT 1');
      this.lost = false;
      return true;
    } catch (error) {
      this.note(error);
      return false;
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  private async attempt<Result>(work: (tx: Transaction) => Promise<Result>, armAfter: Instant | undefined): Promise<Result> {
    const { clock } = this;
    if (!clock) throw new Error(`The database of ${this.service} has no clock yet: transactions start with the service.`);
    const client = await poolOf(this.dataSource).connect();
    let broken: Error | undefined;
    let afterwards: Afterwards;
    let result: Result;
    try {
      const scope = new TransactionScope(client, this.dataSource, this.names, await this.begin(client, clock), armAfter, systemTime, this.service);
      try {
        result = await work(scope);
        await scope.flush();
        await client.query('COMMIT');
      } finally {
        scope.close();
      }
      ({ afterwards } = scope);
    } catch (error) {
      if (isLostConnection(error)) broken = error as Error;
      else await client.query('ROLLBACK').catch((cause: Error) => (broken = cause));
      throw error;
    } finally {
      client.release(broken);
    }
    this.commits += 1;
    for (const act of afterwards.acts) this.guarded(act);
    for (const listener of this.listeners) this.guarded(() => listener(afterwards));
    return result;
  }

  /**
   * Begins and reads the clock in one round trip. Holding the lock in shared mode until the commit keeps the clock from
   * moving below the transaction, and unlike a lock on the row it writes nothing: a transaction that only reads needs no flush.
   */
  private async begin(client: PoolClient, clock: Clock): Promise<Instant> {
    if (clock.kind === 'system') {
      await client.query('BEGIN');
      return clock.now();
    }
    const results = (await client.query(
      `BEGIN; SELECT pg_advisory_xact_lock_shared(${CLOCK_LOCK}, 0); SELECT "time" FROM clock`)) as unknown as { rows: { time: number }[] }[];
    const { time } = results[2].rows[0];
    (clock as ReplayClock).see(time);
    return time;
  }

  private guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.log.error({ err: error }, 'an act after the commit failed; the commit stands');
    }
  }

  private failure(error: unknown): unknown {
    const pool = poolOf(this.dataSource);
    if (isPoolTimeout(error) && pool.totalCount - pool.idleCount >= (pool.options.max ?? 0)) {
      return overloaded(`All ${pool.totalCount} connections of ${this.service} to its database are in use.`, { reason: 'CONNECTIONS_IN_USE', retryAfter: 500 });
    }
    this.note(error);
    return translated(error, this.service);
  }

  private note(error: unknown): void {
    if (!isLostConnection(error) || this.lost || this.closing.signal.aborted) return;
    this.lost = true;
    this.log.warn({ err: error }, 'the database does not answer; not ready until it does');
    void this.recover();
  }

  private async recover(): Promise<void> {
    while (!this.closing.signal.aborted) {
      await pause(500, this.closing.signal);
      if (!this.closing.signal.aborted && (await this.ping())) {
        this.log.info({}, 'the database answers again');
        return;
      }
    }
  }
}
