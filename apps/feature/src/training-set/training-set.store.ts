import { canonicalJson } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import { closedUpTo } from '../watermark.store';
import type { JoinValue } from './join-plan';
import type { Manifest, TrainingSet, TrainingSetState, ViewContent } from './training-set';

interface TrainingSetRow {
  id: string;
  feature_set: string;
  version: string;
  as_of: string;
  require_full_windows: boolean;
  state: TrainingSetState;
  manifest_digest: string;
  manifest: Manifest | null;
  error: string;
  traceparent: string;
}
const columns = 'id, feature_set, version, as_of, require_full_windows, state, manifest_digest, manifest, error, traceparent';
const toTrainingSet = (row: TrainingSetRow): TrainingSet => ({
  id: row.id, featureSet: row.feature_set, version: Number(row.version), asOf: Number(row.as_of), requireFullWindows: row.require_full_windows,
  state: row.state, manifestDigest: row.manifest_digest, manifest: row.manifest ?? undefined, error: row.error, traceparent: row.traceparent,
});

export async function findTrainingSet(queryable: Queryable, id: string): Promise<TrainingSet | undefined> {
  const [row] = await queryable.query<TrainingSetRow>(`SELECT ${columns} FROM training_set WHERE id = $1`, [id]);
  return row && toTrainingSet(row);
}

/** Starts a build unless it was started before. */
export const askFor = (tx: Queryable, { id, featureSet, version, asOf, requireFullWindows, traceparent }: TrainingSet, now: Instant): Promise<unknown> => tx.query(
  `INSERT INTO training_set (id, feature_set, version, as_of, require_full_windows, state, asked_at, traceparent) VALUES ($1, $2, $3, $4, $5, 'building', $6, $7) ON CONFLICT DO NOTHING`,
  [id, featureSet, version, asOf, requireFullWindows, now, traceparent]);

// A build that waits for its shards needs the clock; it can start when all have passed its as-of.
const ready = `state = 'building' AND as_of <= ${closedUpTo}`;

/** The first build that can start. */
export async function nextBuild(queryable: Queryable): Promise<TrainingSet | undefined> {
  const [row] = await queryable.query<TrainingSetRow>(`SELECT ${columns} FROM training_set WHERE ${ready} ORDER BY as_of, id LIMIT 1`);
  return row && toTrainingSet(row);
}

export async function countReady(queryable: Queryable): Promise<number> {
  const [{ builds }] = await queryable.query<{ builds: number }>(`SELECT count(*)::integer AS builds FROM training_set WHERE ${ready}`);
  return builds;
}

export async function countByState(queryable: Queryable): Promise<Record<TrainingSetState, number>> {
  const rows = await queryable.query<{ state: TrainingSetState; sets: number }>('SELECT state, count(*)::integer AS sets FROM training_set GROUP BY state');
  return { building: 0, built: 0, failed: 0, ...Object.fromEntries(rows.map(({ state, sets }) => [state, sets])) };
}

/** Ends a build; false when it has ended already, by another replica. */
export async function settle(tx: Queryable, id: string, end: { manifestDigest: string; manifest: Manifest } | { error: string }): Promise<boolean> {
  const built = 'manifest' in end;
  const rows = await tx.query(`
    WITH settled AS (
      UPDATE training_set SET state = $2, manifest_digest = $3, manifest = $4::jsonb, error = $5 WHERE id = $1 AND state = 'building' RETURNING id
    )
    SELECT id FROM settled`,
  [id, built ? 'built' : 'failed', built ? end.manifestDigest : '', built ? canonicalJson(end.manifest) : null, built ? '' : end.error]);
  return rows.length > 0;
}

/** Manifests and files that training sets consist of. */
export async function keptBlobs(queryable: Queryable): Promise<string[]> {
  const rows = await queryable.query<{ digest: string }>(`
    SELECT manifest_digest AS digest FROM training_set WHERE state = 'built'
    UNION SELECT manifest -> 'digests' ->> 'parquet' FROM training_set WHERE state = 'built'`);
  return rows.map(({ digest }) => digest);
}

export async function builtSets(queryable: Queryable): Promise<TrainingSet[]> {
  return (await queryable.query<TrainingSetRow>(`SELECT ${columns} FROM training_set WHERE state = 'built' ORDER BY as_of, id COLLATE "C"`)).map(toTrainingSet);
}

/** What was known by `asOf` about the records of these views. */
export async function contentsOf(queryable: Queryable, views: readonly string[], asOf: Instant): Promise<ViewContent[]> {
  const rows = await queryable.query<{ view: string; basis: number; records: string; first: string }>(`
    SELECT view, basis, count(*) AS records, min(event_time) AS first FROM view_record WHERE view = ANY ($1::text[]) AND known_at <= $2 GROUP BY view, basis ORDER BY view, basis`,
  [views, asOf]);
  return rows.map(({ view, basis, records, first }) => ({ view, basis, records: Number(records), firstEventTime: Number(first) }));
}

const pageSize = 5_000;

/** A labelled example as it was known at one instant. */
export interface LabelledExample {
  id: string;
  eventTime: Instant;
  /** The first prediction's, where that was made by the instant; else the example's own time. */
  asOf: Instant;
  /** Of the record that counted at the example's as-of, or of the first one after it. */
  dataJson: string;
  label: number;
  /** Whether the label or the example's record took the place of an earlier revision by then. */
  corrected: boolean;
  bases: [example: number, label: number];
}

/** SQL: a row that was known at $2 and that no later revision had superseded then. */
const counts = (row: string): string => `${row}.known_at <= $2 AND (${row}.until IS NULL OR ${row}.until > $2)`;
/** SQL: a row that counted once, and did not any more at $2. */
const lost = (row: string): string => `${row}.until <= $2 AND ${row}.until > ${row}.known_at`;
const byExample = (row: string, id = 'example.id'): string => `${row}.feature_set = $1 AND ${row}.example = ${id}`;

/**
 * Pages of the examples whose label was known and mature at `asOf`: of several labels the newest then. An example whose
 * record is never corrected stands in its own row; of others the revisions decide.
 */
export async function* labelledExamples(queryable: Queryable, featureSet: string, maturity: number, asOf: Instant): AsyncGenerator<LabelledExample[]> {
  for (let after = ''; ;) {
    const rows = await queryable.query<{ id: string; event_time: string; as_of: string; data_json: string; corrected: boolean; basis: number; value: number; label_basis: number }>(`
      SELECT example.id, head.event_time, at.as_of, coalesce(asked.data_json, example.data_json) AS data_json, head.basis, newest.value, newest.label_basis,
        EXISTS (SELECT FROM label l WHERE ${byExample('l')} AND ${lost('l')})
          OR example.revised AND EXISTS (SELECT FROM example_revision r WHERE ${byExample('r')} AND ${lost('r')}) AS corrected
      FROM example
      CROSS JOIN LATERAL (
        SELECT example.event_time, example.basis WHERE NOT example.revised AND example.known_at <= $2
        UNION ALL
        (SELECT r.event_time, r.basis FROM example_revision r WHERE example.revised AND ${byExample('r')} AND ${counts('r')}
         ORDER BY r.known_at, r.event_time, r.arrival, r.source, r.record LIMIT 1)
      ) AS head
      CROSS JOIN LATERAL (SELECT CASE WHEN example.predicted_as_of <= $2 THEN example.predicted_as_of ELSE head.event_time END AS as_of) AS at
      CROSS JOIN LATERAL (
        SELECT value, basis AS label_basis FROM label l WHERE ${byExample('l')} AND ${counts('l')}
        ORDER BY l.event_time DESC, l.arrival DESC, l.source DESC, l.record DESC LIMIT 1
      ) AS newest
      LEFT JOIN LATERAL (
        SELECT r.data_json FROM example_revision r
        WHERE example.revised AND ${byExample('r')} AND r.known_at <= $2 AND (r.until IS NULL OR r.until > greatest(at.as_of, r.known_at))
        ORDER BY r.known_at, r.event_time, r.arrival, r.source, r.record LIMIT 1
      ) AS asked ON true
      WHERE example.feature_set = $1 AND head.event_time + $3::bigint <= $2 AND example.id > $4 ORDER BY example.id LIMIT ${pageSize}`,
    [featureSet, asOf, maturity, after]);
    if (rows.length > 0) {
      yield rows.map((row) => ({
        id: row.id, eventTime: Number(row.event_time), asOf: Number(row.as_of), dataJson: row.data_json, label: row.value, corrected: row.corrected, bases: [row.basis, row.label_basis],
      }));
    }
    if (rows.length < pageSize) return;
    after = rows.at(-1)!.id;
  }
}

/** Examples that had a label once, and by `asOf` have none any more, or are none any more: the truth was taken back. */
export async function countWithdrawn(queryable: Queryable, featureSet: string, asOf: Instant): Promise<number> {
  const [{ examples }] = await queryable.query<{ examples: number }>(`
    SELECT count(*)::integer AS examples FROM (
      SELECT example FROM label l WHERE l.feature_set = $1 AND ${lost('l')}
        AND NOT EXISTS (SELECT FROM label o WHERE ${byExample('o', 'l.example')} AND ${counts('o')})
      UNION
      SELECT example FROM example_revision r WHERE r.feature_set = $1 AND ${lost('r')}
        AND NOT EXISTS (SELECT FROM example_revision o WHERE ${byExample('o', 'r.example')} AND ${counts('o')})
        AND EXISTS (SELECT FROM label l WHERE ${byExample('l', 'r.example')} AND l.known_at <= $2)
    ) AS withdrawn`, [featureSet, asOf]);
  return examples;
}

/** Pages of the value rows that were known by `asOf`. */
export async function* valueRows(queryable: Queryable, views: readonly string[], asOf: Instant): AsyncGenerator<JoinValue[]> {
  let after: [view: string, entity: string, knownAt: number] = ['', '', Number.MIN_SAFE_INTEGER];
  for (;;) {
    const rows = await queryable.query<{ view: string; entity: string; known_at: string; event_time: string; value: number | null }>(`
      SELECT view, entity, known_at, event_time, value FROM feature_row
      WHERE view = ANY ($1::text[]) AND known_at <= $2 AND (view, entity, known_at) > ($3, $4, $5::bigint) ORDER BY view, entity, known_at LIMIT ${pageSize}`,
    [views, asOf, ...after]);
    if (rows.length > 0) yield rows.map((row) => ({ view: row.view, entity: row.entity, knownAt: Number(row.known_at), eventTime: Number(row.event_time), value: row.value }));
    if (rows.length < pageSize) return;
    const last = rows.at(-1)!;
    after = [last.view, last.entity, Number(last.known_at)];
  }
}
