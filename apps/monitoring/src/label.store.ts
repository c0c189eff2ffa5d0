import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';

export interface Label {
  featureSet: string;
  example: string;
  revision: number;
  value: number;
  matureFrom: Instant;
  /** The truth was taken back. */
  withdrawn: boolean;
}

export async function keepLabels(tx: Queryable, labels: readonly Label[]): Promise<void> {
  await tx.query(
    `INSERT INTO label (feature_set, example, revision, value, mature_from, withdrawn)
     SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::float8[], $5::bigint[], $6::boolean[])
     ON CONFLICT (feature_set, example, revision) DO NOTHING`,
    [labels.map(({ featureSet }) => featureSet), labels.map(({ example }) => example), labels.map(({ revision }) => revision),
      labels.map(({ value }) => value), labels.map(({ matureFrom }) => matureFrom), labels.map(({ withdrawn }) => withdrawn)],
  );
}

/**
 * SQL that joins the truth about a prediction `p` as `t.value`: the newest revision of its label that is mature at `now`, and NULL where
 * there is none or that one withdraws it. Every figure reads it, so that each is told anew when truth heals.
 */
export const truth = (now: string): string => `LEFT JOIN LATERAL (
    SELECT CASE WHEN l.withdrawn THEN NULL ELSE l.value END AS value FROM label l
    WHERE l.feature_set = p.feature_set AND l.example = p.example AND l.mature_from <= ${now} ORDER BY l.revision DESC LIMIT 1
  ) t ON true`;

/** Examples of the feature set whose first label became mature after `since` and by `now`, less those whose truth is withdrawn by then. */
export async function newLabels(database: Queryable, featureSet: string, since: Instant, now: Instant): Promise<number> {
  const [row] = await database.query<{ count: string }>(
    `SELECT count(*) FROM label l WHERE l.feature_set = $1 AND l.revision = 1 AND l.mature_from > $2 AND l.mature_from <= $3
     AND NOT EXISTS (
       SELECT 1 FROM label w WHERE w.withdrawn AND w.feature_set = l.feature_set AND w.example = l.example AND w.mature_from <= $3
       AND NOT EXISTS (SELECT 1 FROM label n WHERE n.feature_set = w.feature_set AND n.example = w.example AND n.revision > w.revision AND n.mature_from <= $3)
     )`, [featureSet, since, now]);
  return Number(row.count);
}
