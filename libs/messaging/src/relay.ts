import type { ServiceName } from '@rhei/contracts';
import type { ClientConfig } from 'pg';
import type { CrashAt } from './crash-point';
import type { EventLog } from './event-log';
import type { Logger } from './logger';

export interface RelayOptions {
  service: ServiceName;
  /** The service's own database. The relay opens one session of its own there (not through a transaction-mode pooler). */
  database: string | ClientConfig;
  log: EventLog;
  logger: Logger;
  /** Shards of the outbox that this relay may own; all unless given. */
  shards?: number[];
  /** Milliseconds between looks at the outbox when nobody wakes the relay. Default 200. */
  poll?: number;
  /** Milliseconds for which sent rows are kept. Default 7 days. */
  keepSent?: number;
  crashAt?: CrashAt;
}

/** Carries the outbox of one service to the log: at least once, in order per partition. Several may run; each shard has one owner. */
export class Relay {
  constructor(_options: RelayOptions) {}
  /** Starts to take shards and to send. Rejects when the first connection fails; later losses are repaired. */
  async start(): Promise<void> {
    throw new Error('not built yet');
  }
  /** Something was committed: look now. */
  wake(): void {}
  /** Rows that are not marked as sent, over all shards. */
  async unsent(): Promise<number> {
    throw new Error('not built yet');
  }
  /** Finishes the batch in hand, gives the shards back. */
  async stop(): Promise<void> {}
}
