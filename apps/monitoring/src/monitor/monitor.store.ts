import { canonicalJson } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import { monitorSpec, type MonitorSpec } from './monitor-spec';

export interface Monitor {
  name: string;
  spec: MonitorSpec;
  watchedFrom: Instant;
  /** Where the window starts that closes next; null while nothing is live. */
  nextFrom: Instant | null;
}
interface MonitorRow { name: string; spec: unknown; watched_from: string; next_from: string | null }

/** Keeps the specification. Another grid begins anew at `now`; a change of anything else leaves the windows where they are. */
export async function keepMonitor(tx: Queryable, name: string, spec: MonitorSpec, now: Instant): Promise<void> {
  const before = await lockMonitor(tx, name);
  const sameGrid = before !== undefined && (['deployment', 'bucket', 'cycle'] as const).every((field) => before.spec[field] === spec[field]);
  await tx.query(
    `INSERT INTO monitor (name, deployment, spec, watched_from) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO UPDATE SET deployment = excluded.deployment, spec = excluded.spec${sameGrid ? '' : ', watched_from = excluded.watched_from, next_from = NULL'}`,
    [name, spec.deployment, canonicalJson(spec), now]);
}

const toMonitor = (row: MonitorRow): Monitor => ({
  // Read as it would be applied today: one that was kept before a field existed has its default.
  name: row.name, spec: monitorSpec.parse(row.spec), watchedFrom: Number(row.watched_from), nextFrom: row.next_from === null ? null : Number(row.next_from),
});

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

/** How many windows a monitor has closed, and what they led to. */
export interface Tally { windows: number; tested: number; alarms: number; requested: number; declined: number }

export async function listMonitors(database: Queryable): Promise<(Monitor & Tally)[]> {
  const rows = await database.query<MonitorRow & Record<keyof Tally, string>>(
    `SELECT m.name, m.spec, m.watched_from, m.next_from, count(w.monitor) AS windows, count(*) FILTER (WHERE w.tests <> '[]') AS tested, count(*) FILTER (WHERE w.alarm) AS alarms,
       count(*) FILTER (WHERE w.retraining = 'requested') AS requested, count(*) FILTER (WHERE w.retraining = 'declined') AS declined
     FROM monitor m LEFT JOIN closed_window w ON w.monitor = m.name GROUP BY m.name ORDER BY m.name`);
  return rows.map((row) => ({
    ...toMonitor(row), windows: Number(row.windows), tested: Number(row.tested), alarms: Number(row.alarms), requested: Number(row.requested), declined: Number(row.declined),
  }));
}

/** The monitors of a deployment, locked, by name. */
export async function lockMonitorsOf(tx: Queryable, deployment: string): Promise<Monitor[]> {
  return (await tx.query<MonitorRow>('SELECT name, spec, watched_from, next_from FROM monitor WHERE deployment = $1 ORDER BY name FOR UPDATE', [deployment])).map(toMonitor);
}

export async function countFigures(database: Queryable): Promise<{ windows: number; alarms: number; retrainings: number }> {
  const [row] = await database.query<{ windows: string; alarms: string; retrainings: string }>(
    'SELECT count(*) AS windows, count(*) FILTER (WHERE alarm) AS alarms, (SELECT count(*) FROM retraining) AS retrainings FROM closed_window');
  return { windows: Number(row.windows), alarms: Number(row.alarms), retrainings: Number(row.retrainings) };
}
