import type { Queryable } from '@rhei/messaging';
import type { Facts } from '../record/fact';
import type { FeatureSet } from './feature-set';

export interface ExampleKey {
  featureSet: string;
  example: string;
}

interface KeptRow {
  feature_set: string;
  example: string;
  event_time: string;
  arrival: string;
  source: string;
  record: string;
  until: string | null;
}

/** What of a set is kept by the facts of its records. */
const parts = {
  label: ({ spec: { label } }: FeatureSet) => label,
  example_revision: ({ spec: { example } }: FeatureSet) => example,
};

/**
 * Writes down from when on later revisions supersede the kept labels or examples of revised facts, and returns whose they
 * are. Their facts are locked, so nobody else changes them.
 */
export async function endRevised(tx: Queryable, table: keyof typeof parts, sets: ReadonlyMap<string, FeatureSet>, facts: Facts): Promise<ExampleKey[]> {
  if (facts.revised.length === 0) return [];
  const asked = [...sets.values()].flatMap((set) => {
    const { source, event } = parts[table](set);
    return facts.revisedOf(source, event).map((identity) => ({ featureSet: set.name, identity }));
  });
  if (asked.length === 0) return [];
  const rows = await tx.query<KeptRow>(`
    SELECT kept.* FROM unnest($1::text[], $2::text[]) AS given (feature_set, identity)
    CROSS JOIN LATERAL (
      SELECT feature_set, example, event_time, arrival, source, record, until FROM ${table} k
      WHERE k.feature_set = given.feature_set AND k.identity = given.identity AND k.identity <> '' OFFSET 0
    ) AS kept`,
  [asked.map(({ featureSet }) => featureSet), asked.map(({ identity }) => identity)]);
  const ended = rows.flatMap((row) => {
    const until = facts.until(row.source, row.record);
    return until === undefined || (row.until !== null && Number(row.until) <= until) ? [] : [{ ...row, until }];
  });
  if (ended.length === 0) return [];
  await tx.query(`
    UPDATE ${table} AS kept SET until = given.until
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[]) AS given (feature_set, example, event_time, arrival, source, record, until)
    WHERE (kept.feature_set, kept.example, kept.event_time, kept.arrival, kept.source, kept.record)
        = (given.feature_set, given.example, given.event_time, given.arrival, given.source, given.record)`,
  [
    ended.map((row) => row.feature_set), ended.map(({ example }) => example), ended.map((row) => row.event_time), ended.map(({ arrival }) => arrival),
    ended.map(({ source }) => source), ended.map(({ record }) => record), ended.map(({ until }) => until),
  ]);
  return ended.map((row) => ({ featureSet: row.feature_set, example: row.example }));
}
