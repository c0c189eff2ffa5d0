import type { ServiceName } from '@rhei/contracts';
import { UpstreamConsumer, type EventLog, type Logger, type UpstreamPlace, type UpstreamRecord } from '@rhei/messaging';
import type { Database, Transaction } from './transaction';

/** What a service does about what others write into a topic of theirs. */
export interface UpstreamHandlers {
  /** Called inside the transaction that also moves the position; keeps bad records itself. May run more than once until it commits. */
  take(place: UpstreamPlace, records: UpstreamRecord[], tx: Transaction): Promise<void>;
  /** Keeps a record with which `take` failed at every attempt. */
  setAside(place: UpstreamPlace, record: UpstreamRecord, reason: string, tx: Transaction): Promise<void>;
}

/** The door of the event log to topics that are not in topics.ts. */
export interface Upstream {
  /** Reads a topic from where this service's database says, shared with its other replicas. Errors: what the log says of a topic that cannot be read. */
  subscribe(topic: string, handlers: UpstreamHandlers): Promise<{ stop(): Promise<void> }>;
}

/** Undefined where nobody outside can reach the log. */
export function upstreamOf(service: ServiceName, log: EventLog, database: Database, logger: Logger): Upstream | undefined {
  if (!log.subscribeUpstream) return undefined;
  const door = log as Required<Pick<EventLog, 'subscribeUpstream'>>;
  return {
    async subscribe(topic, handlers) {
      const consumer = new UpstreamConsumer<Transaction>({ consumer: `${service}.upstream`, topic, log: door, database, logger, ...handlers });
      await consumer.start();
      return consumer;
    },
  };
}
