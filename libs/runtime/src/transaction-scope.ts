import { events, type EventName, type Payload, type ServiceName } from '@rhei/contracts';
import { append, type OutgoingEvent } from '@rhei/messaging';
import type { QueryResult } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { Instant } from './clock';
import type { PoolClient } from './data-source';
import { appendDecisions } from './decision-log';
import { sendingOf } from './event-spans';
import type { StatementNames } from './sql-names';
import { currentTraceparent } from './telemetry';
import { writeTimers } from './timer-rows';
import type { DecisionToRecord, Transaction } from './transaction';

/** What a transaction left to do once it has committed. */
export interface Afterwards {
  acts: (() => void)[];
  emitted: boolean;
  armed: boolean;
}

/**
 * A running transaction on one connection. Events, decisions and timers are gathered and written just before the commit:
 * a few statements for all of them, and the lock on the chain of decisions is held for a moment only, after all others.
 */
export class TransactionScope implements Transaction {
  readonly afterwards: Afterwards = { acts: [], emitted: false, armed: false };
  private readonly outgoing: OutgoingEvent[] = [];
  private readonly decisions: DecisionToRecord[] = [];
  /** By kind and key, in JSON; null takes the timer away. */
  private readonly timers = new Map<string, Instant | null>();
  private runner: QueryRunner | undefined;
  private open = true;

  constructor(
    private readonly client: PoolClient,
    private readonly dataSource: DataSource,
    private readonly names: StatementNames,
    readonly now: Instant,
    /** Timers may only be armed later than this; set while one fires. */
    private readonly armAfter: Instant | undefined,
    private readonly system: () => Instant,
    private readonly service: ServiceName,
  ) {}

  async query<Row = Record<string, unknown>>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    if (!this.open) throw new Error('The transaction has ended: something was not awaited inside it.');
    const name = this.names.nameOf(sql);
    const result = (await this.client.query({ text: sql, values: parameters, ...(name !== undefined && { name }) })) as QueryResult;
    return result.rows as Row[];
  }

  get manager(): EntityManager {
    if (!this.runner) {
      // TypeORM is given the connection as it stands: in a transaction that it did not begin and must not end.
      this.runner = this.dataSource.createQueryRunner();
      Object.assign(this.runner, { databaseConnection: this.client, isTransactionActive: true, transactionDepth: 1 });
    }
    return this.runner.manager;
  }

  async emit<N extends EventName>(name: N, key: string | number, payload: Payload<N>): Promise<void> {
    const codec = events[name].codec as { encode(message: unknown): { finish(): Uint8Array } };
    const sending = sendingOf(this.service, name, String(key), payload as object);
    // What is rolled back was never said: its span does not end, so nobody sees it.
    if (sending) this.afterCommit(sending.end);
    this.outgoing.push({
      eventName: name, key, payload: codec.encode(payload).finish(), time: this.now, traceparent: sending?.traceparent ?? currentTraceparent(), ...(sending && { id: sending.id }),
    });
  }

  async decide(decision: DecisionToRecord): Promise<void> {
    this.decisions.push(decision);
  }

  async arm(kind: string, key: string, due: Instant): Promise<void> {
    if (!Number.isSafeInteger(due)) throw new Error(`Timer ${kind}/${key}: expected a due time in whole microseconds, got ${due}.`);
    if (this.armAfter !== undefined && due <= this.armAfter) {
      throw new Error(`Timer ${kind}/${key}: expected a due time after ${this.armAfter}, that of the timer which arms it; got ${due}.`);
    }
    this.timers.set(JSON.stringify([kind, key]), due);
  }

  async disarm(kind: string, key: string): Promise<void> {
    this.timers.set(JSON.stringify([kind, key]), null);
  }

  afterCommit(act: () => void): void {
    this.afterwards.acts.push(act);
  }

  /** Writes what was gathered. */
  async flush(): Promise<void> {
    if (this.timers.size > 0) await writeTimers(this, this.timers);
    if (this.outgoing.length > 0) await append(this, this.outgoing);
    if (this.decisions.length > 0) await appendDecisions(this, this.decisions, this.now, this.system());
    this.afterwards.emitted = this.outgoing.length > 0;
    this.afterwards.armed = this.timers.size > 0;
  }

  close(): void {
    this.open = false;
    // Released without its connection, which belongs to the pool.
    if (this.runner) Object.assign(this.runner, { databaseConnection: undefined, isTransactionActive: false, isReleased: true });
  }
}
