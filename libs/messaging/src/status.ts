import type { TopicName } from '@rhei/contracts';
import type { EventLog, PartitionPosition } from './event-log';
import type { Queryable } from './transaction';

export interface ParkedKey {
  group: string;
  topic: TopicName;
  key: string;
  /** Events that wait behind the dead letter. */
  waiting: number;
}

export type DeadLetterClass = 'refused' | 'failed' | 'undecodable' | 'unknown-type';

export interface DeadLetter {
  id: string;
  group: string;
  eventId: string;
  eventType: string;
  topic: TopicName;
  partition: number;
  offset: number;
  key: string;
  reason: string;
  class: DeadLetterClass;
  attempts: number;
  /** System time, µs. */
  firstFailure: number;
}

export interface PartitionProgress extends PartitionPosition {
  group: string;
  head: number;
}

/** Keys that wait behind a dead letter, by (group, topic, key). */
export async function parkedKeys(_q: Queryable): Promise<ParkedKey[]> {
  throw new Error('not built yet');
}
/** Dead letters, the oldest first. */
export async function deadLetters(_q: Queryable, _limit = 1000): Promise<DeadLetter[]> {
  throw new Error('not built yet');
}
/** Events that are committed and not marked as sent. */
export async function unsentCount(_q: Queryable): Promise<number> {
  throw new Error('not built yet');
}
/**
 * Position and head of every partition of the topics, for one shared subscription (all replicas of the service together).
 * Positions are read first, so equal numbers mean that nothing was waiting.
 */
export async function progressOf(_q: Queryable, _log: EventLog, _group: string, _topics: TopicName[]): Promise<PartitionProgress[]> {
  throw new Error('not built yet');
}
