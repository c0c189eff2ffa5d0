import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { Value } from '@rhei/statistics';
import type { Row } from './drift/row';
import { truth } from './label.store';
import type { Window } from './window/window';

export interface Prediction {
  id: string;
  /** 0: the fallback. */
  version: number;
  role: string;
  example: string;
  asOf: Instant;
  /** When its example happens; the as-of where the caller did not say. */
  happensAt: Instant;
  request: Record<string, Value>;
  /** Null where a shadow failed, or the fallback is no probability. */
  probability: number | null;
  /** Names of the served features that had no value. */
  missing: string[];
}
export interface Asked { deployment: string; model: string; featureSet: string }

/** The roles of what a caller got: `fallback` was answered by no version. Shadows only serve comparisons. */
export const ANSWERED = `p.role IN ('live', 'canary', 'fallback')`;

export async function keepPredictions(tx: Queryable, asked: Asked, predictions: readonly Prediction[]): Promise<void> {
  await tx.query(
    `INSERT INTO prediction (deployment, model, feature_set, id, version, role, example, as_of, happens_at, request, probability, missing)
     SELECT $1, $2, $3, p.id, p.version, p.role, p.example, p.as_of, p.happens_at, p.request::jsonb, p.probability, p.missing::jsonb
     FROM unnest($4::text[], $5::integer[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::text[], $11::float8[], $12::text[])
       AS p (id, version, role, example, as_of, happens_at, request, probability, missing)
     ON CONFLICT (id, version, role) DO NOTHING`,
    [asked.deployment, asked.model, asked.featureSet, predictions.map(({ id }) => id), predictions.map(({ version }) => version),
      predictions.map(({ role }) => role), predictions.map(({ example }) => example), predictions.map(({ asOf }) => asOf),
      predictions.map(({ happensAt }) => happensAt), predictions.map(({ request }) => JSON.stringify(request)), predictions.map(({ probability }) => probability),
      predictions.map(({ missing }) => JSON.stringify(missing))],
  );
}

/** The answers of a window that are known by `now`, by (as-of, id), with their truth where it is mature. */
export async function rowsOf(database: Queryable, deployment: string, { from, to }: Window, now: Instant): Promise<Row[]> {
  const rows = await database.query<{ happens_at: string; request: Record<string, Value>; missing: string[]; version: number; probability: number | null; value: number | null; unseen: boolean }>(
    `SELECT p.happens_at, p.request, p.missing, p.version, p.probability, t.value, p.as_of > coalesce(v.as_of, 0) AS unseen
     FROM prediction p LEFT JOIN model_version v ON v.model = p.model AND v.version = p.version ${truth('$4')}
     WHERE p.deployment = $1 AND ${ANSWERED} AND p.happens_at >= $2 AND p.happens_at < $3 AND p.as_of <= $4
     ORDER BY p.as_of, p.id COLLATE "C"`, [deployment, from, to, now]);
  return rows.map(({ happens_at, value, ...row }) => ({ ...row, at: Number(happens_at), label: value }));
}

export async function countPredictions(database: Queryable, now: Instant): Promise<{ predictionsSeen: number; labelled: number }> {
  const [row] = await database.query<{ seen: string; labelled: string }>(
    `SELECT count(*) AS seen, count(t.value) AS labelled FROM prediction p ${truth('$1')} WHERE ${ANSWERED}`, [now]);
  return { predictionsSeen: Number(row.seen), labelled: Number(row.labelled) };
}
