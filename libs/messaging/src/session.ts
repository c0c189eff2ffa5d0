import { Client, types, type ClientConfig, type Notification } from 'pg';
import type { Logger } from './logger';

/** Milliseconds after which the server ends a session that says nothing: what a stopped owner holds is free then. */
const idleLimit = 5000;
const pingEvery = 1000;

/** bigint columns (offsets, ids, µs) as numbers: all stay below 2^53. */
export const numericTypes = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === types.builtins.INT8 && format !== 'binary' ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

/**
 * One connection of its own, for advisory locks. Everything that must not outlive the locks runs on it: as long as the
 * session answers, it holds what it took. It pings, and the server ends it when it falls silent for five seconds, so a
 * process that was stopped loses its locks. A session that is lost stays lost: open another one.
 */
export class Session {
  private living = true;
  private lastUse = performance.now();
  private readonly ping: NodeJS.Timeout;
  private readonly whenLost: (() => void)[] = [];
  /** Ends when the statement before has been answered: one at a time. */
  private before: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly client: Client,
    private readonly logger: Logger,
  ) {
    client.on('error', (error) => this.lose(error.message));
    client.on('end', () => this.lose('the server closed the connection'));
    this.ping = setInterval(() => {
      if (performance.now() - this.lastUse >= pingEvery * 0.9) this.query('ping', 'SELECT 1').catch(() => undefined);
    }, pingEvery);
  }

  /** `name` is shown in pg_stat_activity. `synchronousCommit: false` where a lost write is repeated anyway. */
  static async open(
    database: string | ClientConfig,
    { name, logger, synchronousCommit = true }: { name: string; logger: Logger; synchronousCommit?: boolean },
  ): Promise<Session> {
    const config = typeof database === 'string' ? { connectionString: database } : database;
    const client = new Client({
      ...config,
      application_name: name,
      types: numericTypes,
      keepAlive: true,
      connectionTimeoutMillis: 5000,
      query_timeout: 2 * idleLimit,
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query(
        `SELECT set_config('idle_session_timeout', $1, false), set_config('idle_in_transaction_session_timeout', $1, false),
                set_config('synchronous_commit', $2, false)`,
        [String(idleLimit), synchronousCommit ? 'on' : 'off'],
      );
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    return new Session(client, logger);
  }

  get alive(): boolean {
    return this.living;
  }

  /** Runs a prepared statement after those before it; `name` is unique per text. One that gets no answer in time ends the session. */
  query<Row = Record<string, unknown>>(name: string, text: string, values: unknown[] = []): Promise<Row[]> {
    const answer = this.before.then(() => this.ask<Row>(name, text, values));
    this.before = answer.catch(() => undefined);
    return answer;
  }

  private async ask<Row>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    if (!this.living) throw new Error('the session is lost');
    this.lastUse = performance.now();
    try {
      return (await this.client.query({ name, text, values })).rows as Row[];
    } catch (error) {
      // Without a SQLSTATE the error comes from the connection: nobody knows what the server still holds for us.
      if (!(error as { code?: string }).code) this.lose((error as Error).message);
      throw error;
    }
  }

  async listen(channel: string, heard: (payload: string) => void): Promise<void> {
    this.client.on('notification', (message: Notification) => heard(message.payload ?? ''));
    await this.query(`listen ${channel}`, `LISTEN ${channel}`);
  }

  onLost(act: () => void): void {
    if (this.living) this.whenLost.push(act);
    else act();
  }

  async close(): Promise<void> {
    this.living = false;
    clearInterval(this.ping);
    await this.client.end().catch(() => undefined);
  }

  private lose(reason: string): void {
    if (!this.living) return;
    this.living = false;
    clearInterval(this.ping);
    this.logger.warn({ reason }, 'a database session was lost; its locks are free');
    void this.client.end().catch(() => undefined);
    for (const act of this.whenLost) act();
  }
}
