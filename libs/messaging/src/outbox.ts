import { randomUUID } from 'node:crypto';
import { events, type EventName } from '@rhei/contracts';
import { byteaArray } from './binary-arrays';
import { toTimeHeader } from './instant-header';
import { fnv1a, partitionOf } from './partition-of';
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

/** Shards of every outbox. Fixed: rows carry theirs, and replicas of different versions must agree. */
export const outboxShards = 8;

/** A partition belongs to one shard, so that one relay at a time sends to it. */
export const outboxShardOf = (topic: string, partition: number): number => fnv1a(`${topic}/${partition}`) % outboxShards;

// Ids are given in the order of the rows: the order of sending per partition.
const insertSql = `
INSERT INTO outbox (shard, topic, partition, key, headers, payload, created_at)
SELECT shard, topic, partition, key, headers, payload, $7
FROM unnest($1::smallint[], $2::text[], $3::int[], $4::text[], $5::jsonb[], $6::bytea[]) WITH ORDINALITY
  AS event(shard, topic, partition, key, headers, payload, place) ORDER BY place`;

/** Writes events to the outbox, in their order, in one statement. They are sent after the commit: wake the relay then. */
export async function append(tx: Queryable, toSend: OutgoingEvent | OutgoingEvent[]): Promise<void> {
  const rows = [toSend].flat().map((event) => {
    const { type, topic, from } = events[event.eventName];
    const partition = event.partition ?? partitionOf(event.eventName, event.key);
    const key = String(event.key);
    const headers = {
      ...event.headers,
      ce_specversion: '1.0',
      ce_id: event.id ?? randomUUID(),
      ce_source: `/rhei/${from}`,
      ce_type: type,
      ce_time: toTimeHeader(event.time),
      ce_subject: key,
      'content-type': 'application/protobuf',
      ...(event.traceparent && { traceparent: event.traceparent }),
    };
    return { shard: outboxShardOf(topic, partition), topic, partition, key, headers: JSON.stringify(headers), payload: event.payload };
  });
  if (rows.length === 0) return;
  await tx.query(insertSql, [
    rows.map(({ shard }) => shard),
    rows.map(({ topic }) => topic),
    rows.map(({ partition }) => partition),
    rows.map(({ key }) => key),
    rows.map(({ headers }) => headers),
    byteaArray(rows.map(({ payload }) => payload)),
    Date.now() * 1000,
  ]);
}
