import { canonicalJson } from '@rhei/expressions';
import { bigintArray, booleanArray, integerArray, planByIndex, textArray, type Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { Statement } from './revisions';

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
  /** The fact that it states; empty: one of its own, which nothing corrects. */
  identity: string;
  revision: number;
  withdrawn: boolean;
  /** The id of the record that had the highest revision of the fact before; empty for the first. */
  supersedes: string;
  /** Who mended it in the quarantine; empty when it came as it is. */
  mendedBy: string;
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

type KeysOf<Row, Value> = { [Key in keyof Row]: Row[Key] extends Value ? Key : never }[keyof Row];

/** Adds what is not there yet; the caller gives them ordered by (source, id). @returns what was added */
export function insertRecords(tx: Queryable, records: StoredRecord[]): Promise<{ source: string; id: string }[]> {
  if (records.length === 0) return Promise.resolve([]);
  const texts = (name: KeysOf<StoredRecord, string>): Buffer => textArray(records.map((record) => record[name]));
  return tx.query<{ source: string; id: string }>(
    `INSERT INTO record (source, id, type, key, shard, event_time, arrival, arrival_basis, recorded_at, subject, data, content_digest, traceparent,
       identity, revision, withdrawn, supersedes, mended_by)
     SELECT source, id, type, key, shard, event_time, arrival, 'observed', arrival, subject, data::jsonb, content_digest, traceparent, identity, revision, withdrawn, supersedes, mended_by
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[],
         $12::text[], $13::integer[], $14::boolean[], $15::text[], $16::text[])
       AS sent (source, id, type, key, shard, event_time, arrival, subject, data, content_digest, traceparent, identity, revision, withdrawn, supersedes, mended_by)
     ON CONFLICT (source, id) DO NOTHING
     RETURNING source, id`,
    [
      ...(['source', 'id', 'type', 'key'] as const).map(texts), integerArray(records.map(({ shard }) => shard)), bigintArray(records.map(({ eventTime }) => eventTime)), bigintArray(records.map(({ arrival }) => arrival)),
      ...(['subject', 'dataJson', 'digest', 'traceparent', 'identity'] as const).map(texts), integerArray(records.map(({ revision }) => revision)), booleanArray(records.map(({ withdrawn }) => withdrawn)), texts('supersedes'), texts('mendedBy'),
    ],
  );
}

/** Those of the (source, id) that are records. */
export async function knownRecords(tx: Queryable, ids: { source: string; id: string }[]): Promise<KnownRecord[]> {
  if (ids.length === 0) return [];
  await planByIndex(tx);
  return tx.query<KnownRecord>(
    `SELECT asked.source, asked.id, shard, arrival, digest FROM unnest($1::text[], $2::text[]) AS asked (source, id)
     CROSS JOIN LATERAL (SELECT shard, arrival, content_digest AS digest FROM record WHERE record.source = asked.source AND record.id = asked.id OFFSET 0) AS known`,
    columns(ids, ['source', 'id']),
  );
}

/** Of each fact that has records the one with the highest revision; among equals the last by event time, arrival and id. */
export async function knownFacts(tx: Queryable, facts: { source: string; type: string; identity: string }[]): Promise<Statement[]> {
  if (facts.length === 0) return [];
  await planByIndex(tx);
  return tx.query<Statement>(
    `SELECT asked.source, asked.type, asked.identity, known.*
     FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[]) AS told (source, type, identity)) AS asked
     CROSS JOIN LATERAL (
       SELECT id, revision, event_time AS "eventTime", arrival FROM record
       WHERE record.source = asked.source AND record.type = asked.type AND record.identity = asked.identity AND record.identity <> ''
       ORDER BY revision DESC, event_time DESC, arrival DESC, id DESC LIMIT 1
     ) AS known`,
    columns(facts, ['source', 'type', 'identity']),
  );
}

/** Writes down again what records supersede. */
export async function saveSupersedes(tx: Queryable, records: readonly Pick<StoredRecord, 'source' | 'id' | 'supersedes'>[]): Promise<void> {
  if (records.length === 0) return;
  await planByIndex(tx);
  await tx.query(
    `WITH told AS MATERIALIZED (
       SELECT place, told.supersedes FROM unnest($1::text[], $2::text[], $3::text[]) AS told (source, id, supersedes)
       CROSS JOIN LATERAL (SELECT ctid AS place FROM record WHERE record.source = told.source AND record.id = told.id OFFSET 0) AS known
     )
     UPDATE record SET supersedes = told.supersedes FROM told WHERE record.ctid = told.place`,
    columns(records, ['source', 'id', 'supersedes']),
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
  identity: string;
  revision: number;
  withdrawn: boolean;
  supersedes: string;
  mendedBy: string;
  dataJson: string;
  traceparent: string;
}

const shown = `source, id, type, key, shard, event_time AS "eventTime", arrival, arrival_basis AS "arrivalBasis", content_digest AS "contentDigest",
  identity, revision, withdrawn, supersedes, mended_by AS "mendedBy"`;

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

/** All records, and those of them that were mended in the quarantine. */
export async function countRecords(database: Queryable): Promise<{ records: number; mended: number }> {
  const [counted] = await database.query<{ records: number; mended: number }>(
    `SELECT (SELECT count(*) FROM record) AS records, (SELECT count(*) FROM record WHERE mended_by <> '') AS mended`,
  );
  return counted;
}

/** Records about a fact that another was known to state before, and those that take a fact back. */
export async function countRevisions(database: Queryable): Promise<{ revised: number; withdrawn: number }> {
  const [counted] = await database.query<{ revised: number; withdrawn: number }>(
    `SELECT count(*) FILTER (WHERE NOT withdrawn) AS revised, count(*) FILTER (WHERE withdrawn) AS withdrawn FROM record WHERE supersedes <> '' OR withdrawn`,
  );
  return counted;
}

/** One array per column, as `unnest` takes them. */
export const columns = <Row>(rows: readonly Row[], names: readonly (keyof Row)[]): unknown[][] => names.map((name) => rows.map((row) => row[name]));
