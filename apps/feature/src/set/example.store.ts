import type { feature } from '@rhei/contracts';
import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { ExampleRecord, LabelRecord } from '../record/read-records';
import type { Facts } from '../record/fact';
import { compareText } from '../view/window';
import type { FeatureSet } from './feature-set';
import { endRevised, type ExampleKey as Key } from './revised.store';

const keyOf = ({ featureSet, example }: Key): string => `${featureSet}\0${example}`;

/** An example's record is the one that was known first; of those known at one instant the first in the total order. */
function isBefore(a: ExampleRecord, b: ExampleRecord): boolean {
  return (a.knownAt - b.knownAt || a.eventTime - b.eventTime || a.arrival - b.arrival || compareText(a.source, b.source) || compareText(a.record, b.record)) < 0;
}

/**
 * Keeps examples and labels, ends those that later revisions supersede, and returns the labels that are news: of examples
 * that are known and whose newest label has not been told yet, of those that have lost what was told, and of those whose
 * own time was corrected. Whichever of example and label comes second, tells. The order of batches does not change what is kept.
 */
export async function addExamplesAndLabels(tx: Queryable, sets: ReadonlyMap<string, FeatureSet>, examples: readonly ExampleRecord[], labels: readonly LabelRecord[], facts: Facts): Promise<feature.Label[]> {
  const unlabelled = await endRevised(tx, 'label', sets, facts);
  const unmade = await endRevised(tx, 'example_revision', sets, facts);
  // An example that states a fact may be corrected: all its records are kept, and the row of the example follows them.
  const revisable = examples.filter(({ identity }) => identity !== '');
  const rows = new Map<string, Key & Partial<ExampleRecord>>();
  for (const { featureSet, example } of [...labels, ...unlabelled, ...unmade, ...revisable]) rows.set(keyOf({ featureSet, example }), { featureSet, example });
  for (const given of examples) {
    if (given.identity !== '') continue;
    const known = rows.get(keyOf(given)) as ExampleRecord | undefined;
    if (known?.knownAt === undefined || isBefore(given, known)) rows.set(keyOf(given), given);
  }
  if (rows.size === 0) return [];
  await keepExamples(tx, [...rows.values()]);
  await keepLabels(tx, labels, facts);
  await keepRevisions(tx, revisable, facts);
  await followRevisions(tx, [...unmade, ...revisable]);
  return tell(tx, sets, [...rows.values()]);
}

/** Sorted, and in one statement for examples and labels: of a label and an example that come at once, one sees the other. */
const keepExamples = (tx: Queryable, rows: readonly (Key & Partial<ExampleRecord>)[]): Promise<unknown> => tx.query(`
  INSERT INTO example AS kept (feature_set, id, event_time, arrival, source, record, known_at, recorded_at, basis, data_json)
  SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::smallint[], $10::text[])
    AS given (feature_set, id, event_time, arrival, source, record, known_at, recorded_at, basis, data_json)
  ORDER BY feature_set COLLATE "C", id COLLATE "C"
  ON CONFLICT (feature_set, id) DO UPDATE SET
    event_time = excluded.event_time, arrival = excluded.arrival, source = excluded.source, record = excluded.record,
    known_at = excluded.known_at, recorded_at = excluded.recorded_at, basis = excluded.basis, data_json = excluded.data_json, revised = false
  WHERE excluded.known_at IS NOT NULL AND (kept.known_at IS NULL
    OR (excluded.known_at, excluded.event_time, excluded.arrival, excluded.source, excluded.record) < (kept.known_at, kept.event_time, kept.arrival, kept.source, kept.record))`,
[
  rows.map(({ featureSet }) => featureSet), rows.map(({ example }) => example), rows.map(({ eventTime }) => eventTime ?? null), rows.map(({ arrival }) => arrival ?? null),
  rows.map(({ source }) => source ?? null), rows.map(({ record }) => record ?? null), rows.map(({ knownAt }) => knownAt ?? null), rows.map(({ recordedAt }) => recordedAt ?? null),
  rows.map(({ basis }) => basis ?? null), rows.map(({ dataJson }) => dataJson ?? null),
]);

/** The columns that labels and examples have in common. */
const originColumns = 'feature_set, example, event_time, arrival, source, record, known_at, recorded_at, basis, identity, until';
const originTypes = '$1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::smallint[], $10::text[], $11::bigint[]';
const originValues = (rows: readonly (ExampleRecord | LabelRecord)[], facts: Facts): unknown[] => [
  rows.map(({ featureSet }) => featureSet), rows.map(({ example }) => example), rows.map(({ eventTime }) => eventTime), rows.map(({ arrival }) => arrival),
  rows.map(({ source }) => source), rows.map(({ record }) => record), rows.map(({ knownAt }) => knownAt), rows.map(({ recordedAt }) => recordedAt),
  rows.map(({ basis }) => basis), rows.map(({ identity }) => identity), rows.map(({ source, record }) => facts.until(source, record) ?? null),
];

async function keepLabels(tx: Queryable, labels: readonly LabelRecord[], facts: Facts): Promise<void> {
  if (labels.length === 0) return;
  await tx.query(`INSERT INTO label (${originColumns}, value) SELECT * FROM unnest(${originTypes}, $12::double precision[]) ON CONFLICT DO NOTHING`,
    [...originValues(labels, facts), labels.map(({ value }) => value)]);
}

async function keepRevisions(tx: Queryable, examples: readonly ExampleRecord[], facts: Facts): Promise<void> {
  if (examples.length === 0) return;
  await tx.query(`INSERT INTO example_revision (${originColumns}, data_json) SELECT * FROM unnest(${originTypes}, $12::text[]) ON CONFLICT DO NOTHING`,
    [...originValues(examples, facts), examples.map(({ dataJson }) => dataJson)]);
}

/** The example's own row repeats the record that is never superseded; without one the example is not known any more. */
async function followRevisions(tx: Queryable, keys: readonly Key[]): Promise<void> {
  if (keys.length === 0) return;
  const rows = [...new Map(keys.map((key) => [keyOf(key), key])).values()];
  await tx.query(`
    INSERT INTO example AS kept (feature_set, id, event_time, arrival, source, record, known_at, recorded_at, basis, data_json, revised)
    SELECT given.feature_set, given.id, event_time, arrival, source, record, known_at, recorded_at, basis, data_json, true
    FROM unnest($1::text[], $2::text[]) AS given (feature_set, id)
    LEFT JOIN LATERAL (
      SELECT * FROM example_revision r WHERE r.feature_set = given.feature_set AND r.example = given.id AND r.until IS NULL
      ORDER BY known_at, event_time, arrival, source, record LIMIT 1
    ) AS first ON true
    ON CONFLICT (feature_set, id) DO UPDATE SET
      event_time = coalesce(excluded.event_time, kept.event_time), arrival = coalesce(excluded.arrival, kept.arrival), source = coalesce(excluded.source, kept.source),
      record = coalesce(excluded.record, kept.record), known_at = excluded.known_at, recorded_at = coalesce(excluded.recorded_at, kept.recorded_at),
      basis = coalesce(excluded.basis, kept.basis), data_json = coalesce(excluded.data_json, kept.data_json), revised = true
    WHERE kept.revised OR kept.known_at IS NULL
      OR (excluded.known_at, excluded.event_time, excluded.arrival, excluded.source, excluded.record) < (kept.known_at, kept.event_time, kept.arrival, kept.source, kept.record)`,
  [rows.map(({ featureSet }) => featureSet), rows.map(({ example }) => example)]);
}

interface ToldRow {
  feature_set: string;
  id: string;
  revision: number;
  told_value: number;
  /** Null: what was told was taken back. */
  told_record: string | null;
  event_time: number;
  both_known_at: number;
  predicted_as_of: number | null;
}

// All these examples exist, so nothing is inserted: a conflict finds its row by the key whatever the statistics say.
async function tell(tx: Queryable, sets: ReadonlyMap<string, FeatureSet>, keys: readonly Key[]): Promise<feature.Label[]> {
  const told = await tx.query<ToldRow>(`
    INSERT INTO example AS kept (feature_set, id, told_event_time, told_arrival, told_source, told_record, told_known_at, told_value, told_example_time)
    SELECT given.feature_set, given.id, newest.event_time, newest.arrival, newest.source, newest.record,
      CASE WHEN newest.record IS NOT NULL THEN newest.known_at ELSE greatest(
        (SELECT max(until) FROM label WHERE label.feature_set = given.feature_set AND label.example = given.id),
        (SELECT max(until) FROM example_revision r WHERE known.known_at IS NULL AND r.feature_set = given.feature_set AND r.example = given.id)
      ) END, newest.value, known.event_time
    FROM unnest($1::text[], $2::text[]) AS given (feature_set, id)
    CROSS JOIN LATERAL (SELECT known_at, event_time, told_record FROM example WHERE example.feature_set = given.feature_set AND example.id = given.id OFFSET 0) AS known
    LEFT JOIN LATERAL (
      SELECT * FROM label WHERE label.feature_set = given.feature_set AND label.example = given.id AND until IS NULL AND known.known_at IS NOT NULL
      ORDER BY event_time DESC, arrival DESC, source DESC, record DESC LIMIT 1
    ) AS newest ON true
    WHERE newest.record IS NOT NULL OR known.told_record IS NOT NULL
    ON CONFLICT (feature_set, id) DO UPDATE SET
      revision = kept.revision + 1, told_event_time = excluded.told_event_time, told_arrival = excluded.told_arrival, told_source = excluded.told_source,
      told_record = excluded.told_record, told_known_at = excluded.told_known_at, told_value = coalesce(excluded.told_value, kept.told_value), told_example_time = excluded.told_example_time
    WHERE (kept.told_event_time, kept.told_arrival, kept.told_source, kept.told_record)
          IS DISTINCT FROM (excluded.told_event_time, excluded.told_arrival, excluded.told_source, excluded.told_record)
      OR excluded.told_record IS NOT NULL AND kept.told_example_time <> excluded.told_example_time
    RETURNING feature_set, id, revision, told_value, told_record, event_time, greatest(known_at, told_known_at) AS both_known_at, predicted_as_of`,
  [keys.map(({ featureSet }) => featureSet), keys.map(({ example }) => example)]);
  return told.sort((a, b) => compareText(a.feature_set, b.feature_set) || compareText(a.id, b.id)).map((row) => ({
    featureSet: row.feature_set, example: row.id, revision: row.revision, value: row.told_value,
    exampleTime: row.event_time, maturesAt: row.event_time + sets.get(row.feature_set)!.maturity,
    arrival: row.both_known_at, asOf: row.predicted_as_of ?? row.event_time, withdrawn: row.told_record === null,
  }));
}

/** An example's as-of is that of the first prediction that answered a caller about it. */
export async function addPredictions(tx: Queryable, predictions: readonly (Key & { asOf: Instant })[]): Promise<void> {
  const first = new Map<string, Key & { asOf: Instant }>();
  for (const given of predictions) {
    const known = first.get(keyOf(given));
    if (known === undefined || given.asOf < known.asOf) first.set(keyOf(given), given);
  }
  if (first.size === 0) return;
  const rows = [...first.values()];
  await tx.query(`
    INSERT INTO example AS kept (feature_set, id, predicted_as_of)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS given (feature_set, id, as_of) ORDER BY feature_set COLLATE "C", id COLLATE "C"
    ON CONFLICT (feature_set, id) DO UPDATE SET predicted_as_of = least(kept.predicted_as_of, excluded.predicted_as_of)`,
  [rows.map(({ featureSet }) => featureSet), rows.map(({ example }) => example), rows.map(({ asOf }) => asOf)]);
}

export interface ExampleCounts {
  examples: number;
  /** Examples that a caller was answered about, with a label that was mature at `now`. */
  labelled: number;
}

export async function countExamples(queryable: Queryable, sets: ReadonlyMap<string, FeatureSet>, now: Instant): Promise<ExampleCounts> {
  const [row] = await queryable.query<ExampleCounts>(`
    SELECT count(*)::integer AS examples,
      (count(*) FILTER (WHERE predicted_as_of <= $3 AND event_time + maturity <= $3 AND EXISTS (
        SELECT FROM label WHERE label.feature_set = example.feature_set AND label.example = example.id AND label.known_at <= $3 AND (label.until IS NULL OR label.until > $3))))::integer AS labelled
    FROM example JOIN unnest($1::text[], $2::bigint[]) AS given (name, maturity) ON given.name = example.feature_set
    WHERE known_at IS NOT NULL`,
  [[...sets.keys()], [...sets.values()].map(({ maturity }) => maturity), now]);
  return row;
}
