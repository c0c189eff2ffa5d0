import type { TopicName } from '@rhei/contracts';
import type { BroadcastSubscriptionOptions, Entry, EventLog, SharedSubscriptionOptions, Subscription } from './event-log';
import type { Logger } from './logger';

export interface PostgresLogOptions {
  /** `postgres://rhei_<service>:password@host:port/log`: the role says which service speaks. */
  url: string;
  logger: Logger;
  /** Milliseconds between looks at the log when nobody wakes the subscription. Default 500. */
  poll?: number;
}

/** The event log in a Postgres database of its own. Connections are opened when they are needed. */
export class PostgresEventLog implements EventLog {
  constructor(_options: PostgresLogOptions) {}
  async append(_topic: TopicName, _partition: number, _entries: Entry[]): Promise<void> {
    throw new Error('not built yet');
  }
  async heads(_topic: TopicName): Promise<number[]> {
    throw new Error('not built yet');
  }
  async subscribeShared(_options: SharedSubscriptionOptions): Promise<Subscription> {
    throw new Error('not built yet');
  }
  async subscribeBroadcast(_options: BroadcastSubscriptionOptions): Promise<Subscription> {
    throw new Error('not built yet');
  }
  /** Removes entries that were appended before `olderThan` (system time, µs); offsets go on. Returns how many. */
  async trim(_topic: TopicName, _olderThan: number): Promise<number> {
    throw new Error('not built yet');
  }
  async close(): Promise<void> {}
}
