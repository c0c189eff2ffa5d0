import type { ServiceName } from '@rhei/contracts';
import type { Around, ConsumerCounters, Delivered } from './delivered';
import type { EventLog, PartitionPosition } from './event-log';
import type { Logger } from './logger';

export interface BroadcastConsumerOptions {
  service: ServiceName;
  group: string;
  log: EventLog;
  /** By CloudEvents type. The topics follow from it. */
  handlers: ReadonlyMap<string, (event: Delivered<any>) => Promise<void>>;
  logger: Logger;
  around?: Around;
}

/** A key whose event could not be applied yet; it is tried again until it can. */
export interface FailingKey {
  topic: string;
  key: string;
  offset: number;
  attempts: number;
  reason: string;
}

/**
 * Gives every event from now on to this replica. No inbox: handlers compare revisions. A handler that fails is tried again
 * with a growing pause, its key waits behind it, other keys go on.
 */
export class BroadcastConsumer {
  constructor(_options: BroadcastConsumerOptions) {}
  readonly counters: ConsumerCounters = { handled: 0, duplicates: 0, skipped: 0, dead: 0, parked: 0, retried: 0 };
  /** Resolves when the heads are taken: list the present state after that. */
  async start(): Promise<void> {
    throw new Error('not built yet');
  }
  /** How far everything is applied; behind the head while a key fails. */
  positions(): PartitionPosition[] {
    return [];
  }
  failing(): FailingKey[] {
    return [];
  }
  async stop(): Promise<void> {}
}
