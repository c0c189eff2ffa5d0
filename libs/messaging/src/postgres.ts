import { forbidden, notFound, unavailable, type TopicName } from '@rhei/contracts';
import { Pool } from 'pg';
import { byteaArray } from './binary-arrays';
import type { BroadcastSubscriptionOptions, Entry, EventLog, SharedSubscriptionOptions, Subscription } from './event-log';
import { isTransientInDatabase, reasonOf } from './failure';
import type { Logger } from './logger';
import { PostgresSubscription } from './postgres-subscription';
import { Wake } from './postgres-wake';
import { numericTypes } from './session';

export interface PostgresLogOptions {
  /** `postgres://rhei_<service>:password@host:port/log`: the role says which service speaks. */
  url: string;
  logger: Logger;
  /** Milliseconds between looks at the log when nobody wakes the subscription. Default 500. */
  poll?: number;
}

/**
 * The event log in a Postgres database of its own ({@link installPostgresLog} prepares it). Connections are opened when
 * they are needed: a few for appends, and one session for each subscription.
 *
 * A shared group's partition belongs to whoever holds its advisory lock; it is not handed over while its owner lives.
 */
export class PostgresEventLog implements EventLog {
  private readonly pool: Pool;
  private readonly wake: Wake;
  private readonly subscriptions = new Set<PostgresSubscription>();
  private askedHeads: Promise<Map<string, number[]>> | undefined;

  constructor(private readonly options: PostgresLogOptions) {
    this.wake = Wake.of(options.url);
    this.pool = new Pool({
      connectionString: options.url,
      application_name: 'rhei log',
      max: 4,
      types: numericTypes,
      keepAlive: true,
      idleTimeoutMillis: 60_000,
      connectionTimeoutMillis: 5000,
      query_timeout: 30_000,
    } as ConstructorParameters<typeof Pool>[0]);
    // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
    this.pool.on('error', (error) => options.logger.warn({ reason: error.message }, 'a connection to the event log was lost'));
  }

  /** Errors: `forbidden` (the role may not say this event), `not_found` (no such partition), `unavailable` (not known to be stored). */
  async append(topic: TopicName, partition: number, entries: Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const [{ head }] = await this.query<{ head: number }>('append', 'SELECT log_append($1, $2, $3, $4::jsonb[], $5) AS head', [
      topic,
      partition,
      entries.map(({ key }) => key),
      entries.map(({ headers }) => JSON.stringify(headers)),
      byteaArray(entries.map(({ value }) => value)),
    ]);
    this.wake.appended(`${topic}/${partition}`, head, (payload) =>
      // Nothing is written, so nothing has to be flushed for it.
      this.pool.query({ name: 'notify', text: `SELECT set_config('synchronous_commit', 'off', true), pg_notify('rhei_log', $1)`, values: [payload] }),
    );
  }

  /** Read from the database; calls of one moment share a query. */
  async heads(topic: TopicName): Promise<number[]> {
    this.askedHeads ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.askedHeads = undefined;
      return this.readHeads();
    });
    const heads = (await this.askedHeads).get(topic);
    if (!heads) throw notFound(`Topic "${topic}" is not in the log: install the topics of this version first.`);
    return heads;
  }

  async subscribeShared(options: SharedSubscriptionOptions): Promise<Subscription> {
    return this.subscribe(options, options.positionOf);
  }

  async subscribeBroadcast(options: BroadcastSubscriptionOptions): Promise<Subscription> {
    return this.subscribe(options);
  }

  /** Removes entries that were appended before `olderThan` (system time, µs); offsets go on. Returns how many. Asks for the role of a service that writes the topic. */
  async trim(topic: TopicName, olderThan: number): Promise<number> {
    const [{ removed }] = await this.query<{ removed: number }>('trim', 'SELECT log_trim($1, to_timestamp($2::float8 / 1e6)) AS removed', [topic, olderThan]);
    return removed;
  }

  async close(): Promise<void> {
    await Promise.all([...this.subscriptions].map((subscription) => subscription.stop()));
    await this.pool.end();
  }

  private async subscribe(options: BroadcastSubscriptionOptions, positionOf?: SharedSubscriptionOptions['positionOf']): Promise<Subscription> {
    const subscription = new PostgresSubscription({
      ...options,
      positionOf,
      url: this.options.url,
      logger: this.options.logger,
      poll: this.options.poll ?? 500,
      wake: this.wake,
      stopped: () => this.subscriptions.delete(subscription),
    });
    try {
      await subscription.start();
    } catch (error) {
      throw asCallersError(error);
    }
    this.subscriptions.add(subscription);
    return subscription;
  }

  private async readHeads(): Promise<Map<string, number[]>> {
    const rows = await this.query<{ topic: string; next: number }>('heads', 'SELECT topic, next FROM partition ORDER BY topic, partition', []);
    const heads = new Map<string, number[]>();
    for (const { topic, next } of rows) heads.set(topic, [...(heads.get(topic) ?? []), next]);
    return heads;
  }

  private async query<Row>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    try {
      return (await this.pool.query({ name, text, values })).rows as Row[];
    } catch (error) {
      throw asCallersError(error);
    }
  }
}

function asCallersError(error: unknown): unknown {
  const { code } = error as { code?: string };
  if (code === 'RH002') return notFound(reasonOf(error));
  if (code === 'RH001' || code === 'RH003') return forbidden(reasonOf(error));
  if (code === '42501' || code === '28P01' || code === '28000') {
    return forbidden(`The event log refused the role of EVENT_LOG: ${reasonOf(error)}. Expected rhei_<service> with rights on the log; install the log after the roles exist.`);
  }
  return isTransientInDatabase(error) ? unavailable(`The event log does not answer: ${reasonOf(error)}.`) : error;
}
