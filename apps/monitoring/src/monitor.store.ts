import { canonicalJson } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { Verdict } from './drift';
import type { MonitorSpec } from './monitor-spec';
import type { Retraining } from './retraining';
import type { Window } from './window';

export interface Monitor {
  name: string;
  spec: MonitorSpec;
  watchedFrom: Instant;
  /** Where the window starts that closes next; null while nothing is live. */
  nextFrom: Instant | null;
}
interface MonitorRow { name: string; spec: MonitorSpec; watched_from: string; next_from: string | null }

/** A window as it was decided. */
export interface ClosedWindow extends Window, Verdict {
  monitor: string;
  decidedAt: Instant;
  model: string;
  /** 0: nothing was live. */
  referenceVersion: number;
  alarm: boolean;
  retraining: Retraining['action'];
  reason: string;
  logLoss?: number;
  coverage: number;
  rows: number;
}

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

/** Keeps the specification. Another grid begins anew at `now`; a change of anything else leaves the windows where they are. */
export async function keepMonitor(tx: Queryable, name: string, spec: MonitorSpec, now: Instant): Promise<void> {
  const before = await lockMonitor(tx, name);
  const sameGrid = before !== undefined && (['deployment', 'bucket', 'cycle'] as const).every((field) => before.spec[field] === spec[field]);
  await tx.query(
    `INSERT INTO monitor (name, deployment, spec, watched_from) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO UPDATE SET deployment = excluded.deployment, spec = excluded.spec${sameGrid ? '' : ', watched_from = excluded.watched_from, next_from = NULL'}`,
    [name, spec.deployment, canonicalJson(spec), now]);
}

const toMonitor = (row: MonitorRow): Monitor => ({ name: row.name, spec: row.spec, watchedFrom: Number(row.watched_from), nextFrom: row.next_from === null ? null : Number(row.next_from) });

/** The monitor, locked; undefined when there is none. */
export async function lockMonitor(tx: Queryable, name: string): Promise<Monitor | undefined> {
  const [row] = await tx.query<MonitorRow>('SELECT name, spec, watched_from, next_from FROM monitor WHERE name = $1 FOR UPDATE', [name]);
  return row && toMonitor(row);
}

/** The monitors of a deployment that have no window under way, locked, by name. */
export async function lockIdleMonitors(tx: Queryable, deployment: string): Promise<Monitor[]> {
  return (await tx.query<MonitorRow>('SELECT name, spec, watched_from, next_from FROM monitor WHERE deployment = $1 AND next_from IS NULL ORDER BY name FOR UPDATE', [deployment])).map(toMonitor);
}

export async function setNextWindow(tx: Queryable, name: string, from: Instant): Promise<void> {
  await tx.query('UPDATE monitor SET next_from = $2 WHERE name = $1', [name, from]);
}

export async function listMonitors(database: Queryable): Promise<(Monitor & { windows: number; alarms: number })[]> {
  const rows = await database.query<MonitorRow & { windows: string; alarms: string }>(
    `SELECT m.name, m.spec, m.watched_from, m.next_from, count(w.monitor) AS windows, count(*) FILTER (WHERE w.alarm) AS alarms
     FROM monitor m LEFT JOIN closed_window w ON w.monitor = m.name GROUP BY m.name ORDER BY m.name`);
  return rows.map((row) => ({ ...toMonitor(row), windows: Number(row.windows), alarms: Number(row.alarms) }));
}

export async function keepWindow(tx: Queryable, w: ClosedWindow): Promise<void> {
  await tx.query(
    `INSERT INTO closed_window (monitor, starts_at, ends_at, decided_at, model, reference_version, tests, untested, alarm, retraining, reason, log_loss, coverage, row_count)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [w.monitor, w.from, w.to, w.decidedAt, w.model, w.referenceVersion, canonicalJson(w.tests), canonicalJson(w.untested), w.alarm, w.retraining, w.reason, w.logLoss ?? null, w.coverage, w.rows]);
}

interface WindowRow {
  monitor: string; starts_at: string; ends_at: string; decided_at: string; model: string; reference_version: number; tests: Verdict['tests']; untested: Verdict['untested'];
  alarm: boolean; retraining: Retraining['action']; reason: string; log_loss: number | null; coverage: number; row_count: string;
}

/** The closed windows of a monitor, oldest first. */
export async function listWindows(database: Queryable, monitor: string): Promise<ClosedWindow[]> {
  const rows = await database.query<WindowRow>('SELECT * FROM closed_window WHERE monitor = $1 ORDER BY starts_at', [monitor]);
  return rows.map((row) => ({
    monitor: row.monitor, from: Number(row.starts_at), to: Number(row.ends_at), decidedAt: Number(row.decided_at), model: row.model, referenceVersion: row.reference_version,
    tests: row.tests, untested: row.untested, alarm: row.alarm, retraining: row.retraining, reason: row.reason, logLoss: row.log_loss ?? undefined, coverage: row.coverage, rows: Number(row.row_count),
  }));
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

export async function countFigures(database: Queryable): Promise<{ windows: number; alarms: number; retrainings: number }> {
  const [row] = await database.query<{ windows: string; alarms: string; retrainings: string }>(
    'SELECT count(*) AS windows, count(*) FILTER (WHERE alarm) AS alarms, (SELECT count(*) FROM retraining) AS retrainings FROM closed_window');
  return { windows: Number(row.windows), alarms: Number(row.alarms), retrainings: Number(row.retrainings) };
}
