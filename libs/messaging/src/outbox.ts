import type { EventName } from '@rhei/contracts';
import type { Queryable } from './transaction';

/** An event to be sent once the transaction that holds it has committed. */
export interface OutgoingEvent {
  eventName: EventName;
  /** What the topic is ordered by; the shard's number where the topic is keyed by shard. */
  key: string | number;
  /** Protobuf bytes, by the event's codec. */
  payload: Uint8Array;
  /** Business instant at which it happened, µs. */
  time: number;
  /** CloudEvents id; a random UUID unless given. */
  id?: string;
  /** Where it goes instead of the key's own partition. */
  partition?: number;
  /** W3C trace context of what caused it. */
  traceparent?: string;
  /** Further headers. */
  headers?: Record<string, string>;
}

/** Writes events to the outbox, in their order, in one statement. They are sent after the commit: wake the relay then. */
export async function append(_tx: Queryable, _events: OutgoingEvent | OutgoingEvent[]): Promise<void> {
  throw new Error('not built yet');
}
