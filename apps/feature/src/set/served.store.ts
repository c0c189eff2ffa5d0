import type { Queryable } from '@rhei/messaging';
import type { ServedDifference } from './served';

/** Differences that are kept of one set: the newest. */
const most = 1_000;

/** Counts what a batch of one shard was found to be; `predictions` differ in some feature. */
export const countServed = (tx: Queryable, featureSet: string, shard: number, checked: number, predictions: number): Promise<unknown> => tx.query(`
  INSERT INTO served_check AS kept (feature_set, shard, checked, differing) VALUES ($1, $2, $3, $4)
  ON CONFLICT (feature_set, shard) DO UPDATE SET checked = kept.checked + excluded.checked, differing = kept.differing + excluded.differing`,
[featureSet, shard, checked, predictions]);

export async function keepDifferences(tx: Queryable, featureSet: string, differences: readonly ServedDifference[]): Promise<void> {
  if (differences.length === 0) return;
  await tx.query(`
    INSERT INTO served_difference (feature_set, prediction, feature, as_of, served, recomputed)
    SELECT $1::text, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::double precision[], $6::double precision[])
    ON CONFLICT (prediction, feature) DO NOTHING`,
  [
    featureSet, differences.map(({ prediction }) => prediction), differences.map(({ feature }) => feature), differences.map(({ asOf }) => asOf),
    differences.map(({ served }) => served), differences.map(({ recomputed }) => recomputed),
  ]);
  await tx.query(`
    DELETE FROM served_difference WHERE feature_set = $1
      AND sequence <= (SELECT sequence FROM served_difference WHERE feature_set = $1 ORDER BY sequence DESC OFFSET ${most} LIMIT 1)`, [featureSet]);
}

export interface ServedCount {
  featureSet: string;
  checked: number;
  differing: number;
}

export async function servedCounts(queryable: Queryable): Promise<ServedCount[]> {
  const rows = await queryable.query<{ feature_set: string; checked: string; differing: string }>(
    'SELECT feature_set, sum(checked) AS checked, sum(differing) AS differing FROM served_check GROUP BY feature_set ORDER BY feature_set');
  return rows.map((row) => ({ featureSet: row.feature_set, checked: Number(row.checked), differing: Number(row.differing) }));
}

/** The differences that are on record of one prediction. */
export async function differencesOf(queryable: Queryable, prediction: string): Promise<(ServedDifference & { featureSet: string })[]> {
  const rows = await queryable.query<{ feature_set: string; feature: string; as_of: string; served: number | null; recomputed: number | null }>(
    'SELECT feature_set, feature, as_of, served, recomputed FROM served_difference WHERE prediction = $1 ORDER BY sequence', [prediction]);
  return rows.map((row) => ({ featureSet: row.feature_set, prediction, feature: row.feature, asOf: Number(row.as_of), served: row.served, recomputed: row.recomputed }));
}
