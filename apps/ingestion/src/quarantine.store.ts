import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import { columns } from './record.store';

export interface Quarantined {
  source: string;
  eventId: string;
  eventType: string;
  code: 'rejected' | 'conflict';
  field: string;
  rule: string;
  hint: string;
  /** The principal who sent it. */
  sender: string;
  receivedAt: Instant;
  /** The bytes that were sent. */
  original: Buffer;
  contentDigest: string;
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
    `INSERT INTO quarantine (source, event_id, event_type, code, field, rule, hint, sender, received_at, original, content_digest)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bytea[], $11::text[])
     ON CONFLICT (content_digest) DO NOTHING`,
    columns(sorted, ['source', 'eventId', 'eventType', 'code', 'field', 'rule', 'hint', 'sender', 'receivedAt', 'original', 'contentDigest']),
  );
}

const shown = `sequence::text, source, event_id AS "eventId", event_type AS "eventType", code, field, rule, hint, sender,
  received_at AS "receivedAt", original, content_digest AS "contentDigest"`;

/** The newest first. `sources`: undefined for all. `after`: the sequence of the last row of the page before. */
export async function listQuarantine(database: Queryable, query: { sources?: string[]; limit: number; after?: string }): Promise<{ events: QuarantineRow[]; total: number }> {
  const rows = await database.query<QuarantineRow>(
    `SELECT ${shown} FROM quarantine
     WHERE ($1::text[] IS NULL OR source = ANY($1::text[])) AND ($2::bigint IS NULL OR sequence < $2::bigint)
     ORDER BY quarantine.sequence DESC LIMIT $3`,
    [query.sources ?? null, query.after ?? null, query.limit],
  );
  return { events: rows, total: await countQuarantined(database, query.sources) };
}

/** Everything that was kept of one event, the oldest first. */
export function quarantinedOf(database: Queryable, source: string, eventId: string): Promise<QuarantineRow[]> {
  return database.query<QuarantineRow>(`SELECT ${shown} FROM quarantine WHERE source = $1 AND event_id = $2 ORDER BY quarantine.sequence LIMIT 20`, [source, eventId]);
}

export async function countQuarantined(database: Queryable, sources?: string[]): Promise<number> {
  const [{ count }] = await database.query<{ count: number }>('SELECT count(*) AS count FROM quarantine WHERE $1::text[] IS NULL OR source = ANY($1::text[])', [sources ?? null]);
  return count;
}
