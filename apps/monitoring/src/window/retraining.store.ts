import { canonicalJson } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';

export interface RetrainingRequest {
  id: string;
  monitor: string;
  model: string;
  windowFrom: Instant;
  liveVersion: number;
  requestedAt: Instant;
  reason: string;
  inputs: unknown;
  /** What ended it, and when; null while it is under way. */
  ended: { at: Instant; by: string } | null;
}

export async function keepRetraining(tx: Queryable, r: Omit<RetrainingRequest, 'ended'>): Promise<void> {
  await tx.query(
    'INSERT INTO retraining (id, monitor, model, window_starts_at, live_version, requested_at, reason, inputs) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)',
    [r.id, r.monitor, r.model, r.windowFrom, r.liveVersion, r.requestedAt, r.reason, canonicalJson(r.inputs)]);
}

/** Ends what is under way for a model: all of it, or what was asked when a version before `version` was live. */
export async function endRetrainings(tx: Queryable, model: string, end: { at: Instant; by: string; version?: number }): Promise<void> {
  await tx.query('UPDATE retraining SET ended_at = $2, ended_by = $3 WHERE model = $1 AND ended_at IS NULL AND ($4::integer IS NULL OR live_version < $4)',
    [model, end.at, end.by, end.version ?? null]);
}

interface RetrainingRow {
  id: string; monitor: string; model: string; window_starts_at: string; live_version: number; requested_at: string; reason: string; inputs: unknown; ended_at: string | null; ended_by: string | null;
}
const toRetraining = (row: RetrainingRow): RetrainingRequest => ({
  id: row.id, monitor: row.monitor, model: row.model, windowFrom: Number(row.window_starts_at), liveVersion: row.live_version, requestedAt: Number(row.requested_at),
  reason: row.reason, inputs: row.inputs, ended: row.ended_at === null ? null : { at: Number(row.ended_at), by: row.ended_by ?? '' },
});

export async function lastRetraining(database: Queryable, monitor: string): Promise<RetrainingRequest | undefined> {
  const [row] = await database.query<RetrainingRow>('SELECT * FROM retraining WHERE monitor = $1 ORDER BY requested_at DESC LIMIT 1', [monitor]);
  return row && toRetraining(row);
}

export async function findRetraining(database: Queryable, id: string): Promise<RetrainingRequest | undefined> {
  const [row] = await database.query<RetrainingRow>('SELECT * FROM retraining WHERE id = $1', [id]);
  return row && toRetraining(row);
}
