import type { ErrorCode } from '@rhei/contracts';
import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import { columns } from './record.store';

/** Where a record stood in a topic. */
export interface StoodAt {
  topic: string;
  partition: number;
  offset: number;
  key: Buffer | null;
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
  /** What came beside the bytes: of a record of a topic all headers, of a request in binary mode those of the event. */
  headers?: Record<string, Buffer>;
  stood?: StoodAt;
}
/** How an event left the quarantine; its row stays. */
export interface Mended {
  by: string;
  at: Instant;
  reason: string;
  outcome: 'accepted' | 'duplicate';
  /** Of the content that was taken in. */
  digest: string;
}
export interface QuarantineRow extends Quarantined {
  /** Grows with each row. */
  sequence: string;
  /** Undefined: it is open. */
  mended?: Mended;
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
      sorted.map(({ stood }) => stood?.key ?? null), sorted.map(({ headers }) => (headers ? JSON.stringify(inBase64(headers)) : null)),
    ],
  );
}

const shown = `sequence::text, source, event_id AS "eventId", event_type AS "eventType", code, field, rule, hint, sender,
  received_at AS "receivedAt", original, content_digest AS "contentDigest", topic, partition, "offset", message_key AS key, headers,
  mended_by AS "mendedBy", mended_at AS "mendedAt", reason, outcome, mended_digest AS "mendedDigest"`;

interface Shown extends Omit<QuarantineRow, 'stood' | 'headers' | 'mended'> {
  topic: string | null;
  partition: number;
  offset: number;
  key: Buffer | null;
  headers: Record<string, string> | null;
  mendedBy: string | null;
  mendedAt: Instant;
  reason: string;
  outcome: Mended['outcome'];
  mendedDigest: string;
}

const read = ({ topic, partition, offset, key, headers, mendedBy, mendedAt, reason, outcome, mendedDigest, ...row }: Shown): QuarantineRow => ({
  ...row,
  ...(headers !== null && { headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text, 'base64')])) }),
  ...(topic !== null && { stood: { topic, partition, offset, key } }),
  ...(mendedBy !== null && { mended: { by: mendedBy, at: mendedAt, reason, outcome, digest: mendedDigest } }),
});
const inBase64 = (headers: Record<string, Buffer>): Record<string, string> => Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, bytes.toString('base64')]));

/** What a listing is narrowed to; undefined is all. */
export interface QuarantineFilter {
  sources?: string[];
  type?: string;
  code?: string;
  state?: 'open' | 'mended';
}
const filtered = `($1::text[] IS NULL OR source = ANY($1::text[])) AND ($2::text IS NULL OR event_type = $2::text) AND ($3::text IS NULL OR code = $3::text) AND ($4::text IS NULL OR state = $4::text)`;
const valuesOf = ({ sources, type, code, state }: QuarantineFilter): unknown[] => [sources ?? null, type ?? null, code ?? null, state ?? null];

/** The newest first. `after`: the sequence of the last row of the page before. */
export async function listQuarantine(database: Queryable, query: QuarantineFilter & { limit: number; after?: string }): Promise<{ events: QuarantineRow[]; total: number }> {
  const rows = await database.query<Shown>(
    `SELECT ${shown} FROM quarantine WHERE ${filtered} AND ($5::bigint IS NULL OR sequence < $5::bigint) ORDER BY quarantine.sequence DESC LIMIT $6`,
    [...valuesOf(query), query.after ?? null, query.limit],
  );
  return { events: rows.map(read), total: await countQuarantined(database, query) };
}

export async function findQuarantined(database: Queryable, sequence: string): Promise<QuarantineRow | undefined> {
  return (await database.query<Shown>(`SELECT ${shown} FROM quarantine WHERE sequence = $1::bigint`, [sequence])).map(read)[0];
}

/** Locks these rows until the transaction ends, in their order. */
export async function lockQuarantined(tx: Queryable, sequences: string[]): Promise<QuarantineRow[]> {
  return (await tx.query<Shown>(`SELECT ${shown} FROM quarantine WHERE sequence = ANY($1::bigint[]) ORDER BY quarantine.sequence FOR UPDATE`, [sequences])).map(read);
}

/** The open rows behind `after` that the filter finds, the oldest first, and how many there are. Conflicts only where they are asked for. */
export async function openQuarantined(q: Queryable, filter: Omit<QuarantineFilter, 'state'>, after: string, limit: number): Promise<{ sequences: string[]; total: number }> {
  const rows = await q.query<{ sequence: string; total: number }>(
    `SELECT sequence::text, count(*) OVER () AS total FROM quarantine WHERE ${filtered} AND ($3::text IS NOT NULL OR code <> 'conflict') AND state = 'open' AND sequence > $5::bigint
     ORDER BY quarantine.sequence LIMIT $6`,
    [...valuesOf(filter), after, limit],
  );
  return { sequences: rows.map(({ sequence }) => sequence), total: rows[0]?.total ?? 0 };
}

/** Writes down how open rows left the quarantine. */
export async function markMended(tx: Queryable, mended: (Mended & { sequence: string })[]): Promise<void> {
  if (mended.length === 0) return;
  await tx.query(
    `UPDATE quarantine SET state = 'mended', mended_by = how.by, mended_at = how.at, reason = how.reason, outcome = how.outcome, mended_digest = how.digest
     FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[]) AS how (sequence, by, at, reason, outcome, digest)
     WHERE quarantine.sequence = how.sequence AND state = 'open'`,
    columns(mended, ['sequence', 'by', 'at', 'reason', 'outcome', 'digest']),
  );
}

/** Everything that was kept of one event, the oldest first. */
export async function quarantinedOf(database: Queryable, source: string, eventId: string): Promise<QuarantineRow[]> {
  return (await database.query<Shown>(`SELECT ${shown} FROM quarantine WHERE source = $1 AND event_id = $2 ORDER BY quarantine.sequence LIMIT 20`, [source, eventId])).map(read);
}

export async function countQuarantined(database: Queryable, filter: QuarantineFilter = {}): Promise<number> {
  const [{ count }] = await database.query<{ count: number }>(`SELECT count(*) AS count FROM quarantine WHERE ${filtered}`, valuesOf(filter));
  return count;
}
