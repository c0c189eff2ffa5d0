import { canonicalJson } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';

export interface StoredRecord {
  source: string;
  id: string;
  type: string;
  /** What the record is about: its shard follows from it. */
  key: string;
  shard: number;
  eventTime: Instant;
  arrival: Instant;
  /** Empty when the source gave none. */
  subject: string;
  /** Canonical JSON. */
  dataJson: string;
  digest: string;
  /** Trace in which it was taken in. */
  traceparent: string;
  /** Trace in which it came about, as it says itself, else the same; goes on with its event. */
  origin: string;
}
export interface KnownRecord {
  source: string;
  id: string;
  shard: number;
  arrival: Instant;
  digest: string;
}

/** Adds what is not there yet; the caller gives them ordered by (source, id). @returns what was added */
export function insertRecords(tx: Queryable, records: StoredRecord[]): Promise<{ source: string; id: string }[]> {
  if (records.length === 0) return Promise.resolve([]);
  return tx.query<{ source: string; id: string }>(
    `INSERT INTO record (source, id, type, key, shard, event_time, arrival, arrival_basis, recorded_at, subject, data, content_digest, revision, supersedes, traceparent)
     SELECT source, id, type, key, shard, event_time, arrival, 'observed', arrival, subject, data::jsonb, content_digest, 1, '', traceparent
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[])
       AS sent (source, id, type, key, shard, event_time, arrival, subject, data, content_digest, traceparent)
     ON CONFLICT (source, id) DO NOTHING
     RETURNING source, id`,
    columns(records, ['source', 'id', 'type', 'key', 'shard', 'eventTime', 'arrival', 'subject', 'dataJson', 'digest', 'traceparent']),
  );
}

/** Those of the (source, id) that are records. */
export function knownRecords(tx: Queryable, ids: { source: string; id: string }[]): Promise<KnownRecord[]> {
  if (ids.length === 0) return Promise.resolve([]);
  return tx.query<KnownRecord>(
    `SELECT source, id, shard, arrival, content_digest AS digest FROM record
     JOIN unnest($1::text[], $2::text[]) AS asked (source, id) USING (source, id)`,
    columns(ids, ['source', 'id']),
  );
}

export interface RecordRow {
  source: string;
  id: string;
  type: string;
  key: string;
  shard: number;
  eventTime: Instant;
  arrival: Instant;
  arrivalBasis: string;
  contentDigest: string;
  dataJson: string;
  traceparent: string;
}

const shown = `source, id, type, key, shard, event_time AS "eventTime", arrival, arrival_basis AS "arrivalBasis", content_digest AS "contentDigest"`;

/** All records by (source, id), read in pages. Data is left out. */
export async function* allRecords(database: Queryable, page = 2_000): AsyncGenerator<Omit<RecordRow, 'dataJson' | 'traceparent'>> {
  let after: [string, string] = ['', ''];
  for (;;) {
    const rows = await database.query<Omit<RecordRow, 'dataJson' | 'traceparent'>>(
      `SELECT ${shown} FROM record WHERE (source, id) > ($1, $2) ORDER BY source, id LIMIT $3`, [...after, page],
    );
    yield* rows;
    if (rows.length < page) return;
    after = [rows[rows.length - 1].source, rows[rows.length - 1].id];
  }
}

export async function findRecord(database: Queryable, source: string, id: string): Promise<RecordRow | undefined> {
  const [row] = await database.query<Omit<RecordRow, 'dataJson'> & { data: unknown }>(`SELECT ${shown}, traceparent, data FROM record WHERE source = $1 AND id = $2`, [source, id]);
  if (row === undefined) return undefined;
  const { data, ...rest } = row;
  return { ...rest, dataJson: canonicalJson(data) };
}

export async function countRecords(database: Queryable): Promise<number> {
  const [{ count }] = await database.query<{ count: number }>('SELECT count(*) AS count FROM record');
  return count;
}

/** One array per column, as `unnest` takes them. */
export const columns = <Row>(rows: readonly Row[], names: readonly (keyof Row)[]): unknown[][] => names.map((name) => rows.map((row) => row[name]));
