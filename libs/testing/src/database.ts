import { messagingMigrations } from '@rhei/messaging';
import { createLogger, ReplayClock, runtimeMigrations, ServiceDatabase, SystemClock, type Instant, type Service, type Transaction } from '@rhei/runtime';
import { testCluster } from './cluster';

export interface TestDatabase {
  /** Address of the superuser. */
  url: string;
  name: string;
  query<Row = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result>;
  /** Moves the clock of a database that was opened with `at`. */
  setTime(time: Instant): Promise<void>;
  /** Ends the connections and drops the database. */
  close(): Promise<void>;
}

let count = 0;

/** A name that no other spec of this run has. */
export function freshName(purpose: string): string {
  count += 1;
  return `t_${process.pid}_${process.env['JEST_WORKER_ID'] ?? '0'}_${Math.trunc(performance.timeOrigin + performance.now()).toString(36)}_${count}_${purpose}`.toLowerCase();
}

/**
 * A fresh database in a real PostgreSQL, with the tables of messaging and runtime, and those of `service` when one is given.
 * With `at` its clock is virtual and stands there, else it is the system clock.
 */
export async function openDatabase(service?: Pick<Service, 'name' | 'migrations' | 'entities'>, { at }: { at?: Instant } = {}): Promise<TestDatabase> {
  const cluster = await testCluster();
  const name = freshName(service?.name ?? 'db');
  await cluster.createDatabase(name);
  const url = cluster.adminUrl(name);
  const database = await ServiceDatabase.open({
    service: service?.name ?? 'registry', url, log: createLogger('runtime', 'silent'),
    migrations: [...messagingMigrations, ...runtimeMigrations, ...(service?.migrations ?? [])],
    ...(service?.entities && { entities: service.entities }), poolSize: 20,
  });
  await database.query('INSERT INTO clock (kind, "time") VALUES ($1, $2)', [at === undefined ? 'system' : 'replay', at ?? null]);
  const clock = at === undefined ? new SystemClock() : new ReplayClock(at);
  database.useClock(clock);
  return {
    url, name,
    query: (sql, parameters) => database.query(sql, parameters),
    transaction: (work) => database.transaction(work),
    async setTime(time) {
      await database.query('SELECT shown FROM set_clock($1, $2, 0)', [time, 'none']);
      if (clock instanceof ReplayClock) clock.see(time);
    },
    async close() {
      await database.close();
      await cluster.dropDatabase(name);
    },
  };
}
