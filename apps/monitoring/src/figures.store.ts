import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import { LEAST_PROBABILITY } from '@rhei/statistics';
import { truth } from './label.store';
import { ANSWERED } from './prediction.store';
import type { Performance } from './window/performance';

export interface MonthlyPerformance { version: number; month: string; predictions: number; labelled: number; logLoss: number; baseRate: number }

/** The loss of an answer `p` of which `t.value` is the truth; NULL where there is none, or no version answered. */
const LOSS = (least: string): string => `CASE WHEN p.version <> 0
    THEN -(t.value * ln(least(greatest(p.probability, ${least}), 1 - ${least})) + (1 - t.value) * ln(1 - least(greatest(p.probability, ${least}), 1 - ${least}))) END`;

/**
 * Loss on the labels that count now, by version and calendar month (UTC) of the as-of; 0 where nothing is labelled yet.
 * Version 0 is what the fallback answered.
 */
export async function monthlyPerformance(database: Queryable, deployment: string, now: Instant): Promise<MonthlyPerformance[]> {
  const rows = await database.query<{ version: number; month: string; predictions: string; labelled: string; log_loss: number | null; base_rate: number | null }>(
    `SELECT version, month, count(*) AS predictions, count(value) AS labelled, avg(value ORDER BY as_of, id) AS base_rate, avg(loss ORDER BY as_of, id) AS log_loss
     FROM (
       SELECT p.version, p.as_of, p.id COLLATE "C" AS id, t.value, ${LOSS('$3::float8')} AS loss,
         to_char(to_timestamp(p.as_of / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM') AS month
       FROM prediction p ${truth('$2')} WHERE p.deployment = $1 AND ${ANSWERED} AND p.as_of <= $2
     ) scored GROUP BY version, month ORDER BY version, month`, [deployment, now, LEAST_PROBABILITY]);
  return rows.map((row) => ({ version: row.version, month: row.month, predictions: Number(row.predictions), labelled: Number(row.labelled), logLoss: row.log_loss ?? 0, baseRate: row.base_rate ?? 0 }));
}

/** The figures of a monitor's closed windows with the labels that count now, by where each window starts; of one window, where `only` names its start. */
export async function restatedWindows(database: Queryable, monitor: string, deployment: string, now: Instant, only?: Instant): Promise<Map<Instant, Performance>> {
  const rows = await database.query<{ starts_at: string; rows: string; labelled: string; log_loss: number | null }>(
    `SELECT starts_at, count(id) AS rows, count(value) AS labelled, avg(loss ORDER BY as_of, id) AS log_loss
     FROM (
       SELECT w.starts_at, p.as_of, p.id COLLATE "C" AS id, t.value, ${LOSS('$4::float8')} AS loss
       FROM closed_window w LEFT JOIN prediction p ON p.deployment = $2 AND ${ANSWERED} AND p.happens_at >= w.starts_at AND p.happens_at < w.ends_at AND p.as_of <= $3
       ${truth('$3')} WHERE w.monitor = $1 AND ($5::bigint IS NULL OR w.starts_at = $5)
     ) scored GROUP BY starts_at`, [monitor, deployment, now, LEAST_PROBABILITY, only ?? null]);
  return new Map(rows.map((row) => {
    const [count, labelled] = [Number(row.rows), Number(row.labelled)];
    return [Number(row.starts_at), { rows: count, labelled, coverage: count === 0 ? 0 : labelled / count, logLoss: row.log_loss ?? undefined }];
  }));
}
