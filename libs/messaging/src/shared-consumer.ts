import type { ServiceName } from '@rhei/contracts';
import type { CrashAt } from './crash-point';
import type { Around, ConsumerCounters, Delivered } from './delivered';
import type { EventLog, PartitionPosition } from './event-log';
import type { Logger } from './logger';
import type { Queryable, Transactor } from './transaction';

export interface SharedConsumerOptions<Tx extends Queryable = Queryable> {
  service: ServiceName;
  /** Name of the subscription, such as `feature`; inbox rows, positions and dead letters carry it. Never rename it. */
  group: string;
  log: EventLog;
  database: Transactor<Tx>;
  /** By CloudEvents type. The topics follow from it. */
  handlers: ReadonlyMap<string, (event: Delivered<any>, tx: Tx) => Promise<void>>;
  logger: Logger;
  around?: Around;
  crashAt?: CrashAt;
}

/** Applies the events of a shared subscription once in effect: the effect, the inbox row and the position commit together. */
export class SharedConsumer<Tx extends Queryable = Queryable> {
  constructor(_options: SharedConsumerOptions<Tx>) {}
  readonly counters: ConsumerCounters = { handled: 0, duplicates: 0, skipped: 0, dead: 0, parked: 0, retried: 0 };
  async start(): Promise<void> {
    throw new Error('not built yet');
  }
  /** The partitions that this member holds now. */
  positions(): PartitionPosition[] {
    return [];
  }
  async stop(): Promise<void> {}
}
