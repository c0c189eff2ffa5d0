import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { Value } from '@rhei/statistics';
import type { Row } from './drift';
import { LEAST_PROBABILITY } from './performance';
import type { Window } from './window';

export interface Prediction {
  id: string;
  version: number;
  role: string;
  example: string;
  asOf: Instant;
  /** When its example happens; the as-of where the caller did not say. */
  happensAt: Instant;
  request: Record<string, Value>;
  probability: number;
}
export interface Asked { deployment: string; model: string; featureSet: string }

export async function keepPredictions(tx: Queryable, asked: Asked, predictions: readonly Prediction[]): Promise<void> {
  await tx.query(
    `INSERT INTO prediction (deployment, model, feature_set, id, version, role, example, as_of, happens_at, request, probability)
     SELECT $1, $2, $3, p.id, p.version, p.role, p.example, p.as_of, p.happens_at, p.request::jsonb, p.probability
     FROM unnest($4::text[], $5::integer[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::text[], $11::float8[])
       AS p (id, version, role, example, as_of, happens_at, request, probability)
     ON CONFLICT (id, version, role) DO NOTHING`,
    [asked.deployment, asked.model, asked.featureSet, predictions.map(({ id }) => id), predictions.map(({ version }) => version),
      predictions.map(({ role }) => role), predictions.map(({ example }) => example), predictions.map(({ asOf }) => asOf),
      predictions.map(({ happensAt }) => happensAt), predictions.map(({ request }) => JSON.stringify(request)), predictions.map(({ probability }) => probability)],
  );
}

export interface Label { featureSet: string; example: string; revision: number; value: number; matureFrom: Instant }

export async function keepLabels(tx: Queryable, labels: readonly Label[]): Promise<void> {
  await tx.query(
    `INSERT INTO label (feature_set, example, revision, value, mature_from)
     SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::float8[], $5::bigint[])
     ON CONFLICT (feature_set, example, revision) DO NOTHING`,
    [labels.map(({ featureSet }) => featureSet), labels.map(({ example }) => example), labels.map(({ revision }) => revision),
      labels.map(({ value }) => value), labels.map(({ matureFrom }) => matureFrom)],
  );
}

/** The newest revision of a prediction's label that is mature at `$now`. */
const truth = (now: string): string => `LEFT JOIN LATERAL (
    SELECT l.value FROM label l WHERE l.feature_set = p.feature_set AND l.example = p.example AND l.mature_from <= ${now} ORDER BY l.revision DESC LIMIT 1
  ) t ON true`;

/** The live predictions of a window that are known by `now`, by (as-of, id), with their truth where it is mature. */
export async function rowsOf(database: Queryable, deployment: string, { from, to }: Window, now: Instant): Promise<Row[]> {
  const rows = await database.query<{ happens_at: string; request: Record<string, Value>; probability: number; value: number | null }>(
    `SELECT p.happens_at, p.request, p.probability, t.value FROM prediction p ${truth('$4')}
     WHERE p.deployment = $1 AND p.role = 'live' AND p.happens_at >= $2 AND p.happens_at < $3 AND p.as_of <= $4
     ORDER BY p.as_of, p.id COLLATE "C"`, [deployment, from, to, now]);
  return rows.map(({ happens_at, request, probability, value }) => ({ at: Number(happens_at), request, probability, label: value }));
}

/** Examples of the feature set whose first label became mature after `since` and by `now`. */
export async function newLabels(database: Queryable, featureSet: string, since: Instant, now: Instant): Promise<number> {
  const [row] = await database.query<{ count: string }>(
    'SELECT count(*) FROM label WHERE feature_set = $1 AND revision = 1 AND mature_from > $2 AND mature_from <= $3', [featureSet, since, now]);
  return Number(row.count);
}

export interface MonthlyPerformance { version: number; month: string; predictions: number; labelled: number; logLoss: number; baseRate: number }

/** Loss on matured labels by version and calendar month (UTC) of the as-of; 0 where nothing is labelled yet. */
export async function monthlyPerformance(database: Queryable, deployment: string, now: Instant): Promise<MonthlyPerformance[]> {
  const rows = await database.query<{ version: number; month: string; predictions: string; labelled: string; log_loss: number | null; base_rate: number | null }>(
    `SELECT version, month, count(*) AS predictions, count(value) AS labelled, avg(value ORDER BY as_of, id) AS base_rate,
       -avg(value * ln(p) + (1 - value) * ln(1 - p) ORDER BY as_of, id) AS log_loss
     FROM (
       SELECT p.version, p.as_of, p.id COLLATE "C" AS id, t.value, least(greatest(p.probability, $3::float8), 1 - $3::float8) AS p,
         to_char(to_timestamp(p.as_of / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM') AS month
       FROM prediction p ${truth('$2')} WHERE p.deployment = $1 AND p.role = 'live' AND p.as_of <= $2
     ) scored GROUP BY version, month ORDER BY version, month`, [deployment, now, LEAST_PROBABILITY]);
  return rows.map((row) => ({ version: row.version, month: row.month, predictions: Number(row.predictions), labelled: Number(row.labelled), logLoss: row.log_loss ?? 0, baseRate: row.base_rate ?? 0 }));
}

export async function countPredictions(database: Queryable, now: Instant): Promise<{ predictionsSeen: number; labelled: number }> {
  const [row] = await database.query<{ seen: string; labelled: string }>(
    `SELECT count(*) AS seen, count(t.value) AS labelled FROM prediction p ${truth('$1')} WHERE p.role = 'live'`, [now]);
  return { predictionsSeen: Number(row.seen), labelled: Number(row.labelled) };
}
