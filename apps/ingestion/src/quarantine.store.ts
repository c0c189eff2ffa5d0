import type { ErrorCode } from '@rhei/contracts';
import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import { columns } from './record.store';

/** Where a record stood in a topic, and what it had beside its value. */
export interface StoodAt {
  topic: string;
  partition: number;
  offset: number;
  key: Buffer | null;
  headers: Record<string, Buffer>;
}

export interface Quarantined {
  /** Of the event; of the topic's owner where the event names none that may be believed. */
  source: string;
  eventId: string;
  eventType: string;
  /** `rejected` and `conflict` over HTTP; from a topic also what HTTP answers without keeping it, because nobody is there to hear an answer. */
  code: ErrorCode;
  field: string;
  rule: string;
  hint: string;
  /** The principal who sent it. */
  sender: string;
  receivedAt: Instant;
  /** The bytes that were sent. */
  original: Buffer;
  contentDigest: string;
  stood?: StoodAt;
}
export interface QuarantineRow extends Quarantined {
  /** Grows with each row. */
  sequence: string;
}

/** Keeps what is not kept yet: the same content again adds nothing. */
export async function keepQuarantined(tx: Queryable, events: Quarantined[]): Promise<void> {
  if (events.length === 0) return;
  const sorted = [...events].sort((a, b) => (a.contentDigest < b.contentDigest ? -1 : a.contentDigest > b.contentDigest ? 1 : 0));
  await tx.query(
    `INSERT INTO quarantine (source, event_id, event_type, code, field, rule, hint, sender, received_at, original, content_digest, topic, partition, "offset", message_key, headers)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bytea[], $11::text[],
       $12::text[], $13::int[], $14::bigint[], $15::bytea[], $16::jsonb[])
     ON CONFLICT (content_digest) DO NOTHING`,
    [
      ...columns(sorted, ['source', 'eventId', 'eventType', 'code', 'field', 'rule', 'hint', 'sender', 'receivedAt', 'original', 'contentDigest']),
      sorted.map(({ stood }) => stood?.topic ?? null), sorted.map(({ stood }) => stood?.partition ?? null), sorted.map(({ stood }) => stood?.offset ?? null),
      sorted.map(({ stood }) => stood?.key ?? null), sorted.map(({ stood }) => (stood ? JSON.stringify(inBase64(stood.headers)) : null)),
    ],
  );
}

const shown = `sequence::text, source, event_id AS "eventId", event_type AS "eventType", code, field, rule, hint, sender,
  received_at AS "receivedAt", original, content_digest AS "contentDigest", topic, partition, "offset", message_key AS key, headers`;

interface Shown extends Omit<QuarantineRow, 'stood'> {
  topic: string | null;
  partition: number;
  offset: number;
  key: Buffer | null;
  headers: Record<string, string>;
}

const read = ({ topic, partition, offset, key, headers, ...row }: Shown): QuarantineRow =>
  ({ ...row, ...(topic !== null && { stood: { topic, partition, offset, key, headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text, 'base64')])) } }) });
const inBase64 = (headers: Record<string, Buffer>): Record<string, string> => Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, bytes.toString('base64')]));

/** The newest first. `sources`: undefined for all. `after`: the sequence of the last row of the page before. */
export async function listQuarantine(database: Queryable, query: { sources?: string[]; limit: number; after?: string }): Promise<{ events: QuarantineRow[]; total: number }> {
  const rows = await database.query<Shown>(
    `SELECT ${shown} FROM quarantine
     WHERE ($1::text[] IS NULL OR source = ANY($1::text[])) AND ($2::bigint IS NULL OR sequence < $2::bigint)
     ORDER BY quarantine.sequence DESC LIMIT $3`,
    [query.sources ?? null, query.after ?? null, query.limit],
  );
  return { events: rows.map(read), total: await countQuarantined(database, query.sources) };
}

/** Everything that was kept of one event, the oldest first. */
export async function quarantinedOf(database: Queryable, source: string, eventId: string): Promise<QuarantineRow[]> {
  return (await database.query<Shown>(`SELECT ${shown} FROM quarantine WHERE source = $1 AND event_id = $2 ORDER BY quarantine.sequence LIMIT 20`, [source, eventId])).map(read);
}

export async function countQuarantined(database: Queryable, sources?: string[]): Promise<number> {
  const [{ count }] = await database.query<{ count: number }>('SELECT count(*) AS count FROM quarantine WHERE $1::text[] IS NULL OR source = ANY($1::text[])', [sources ?? null]);
  return count;
}
