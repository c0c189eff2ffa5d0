import { canonicalJson } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { DriftTest, Untested, Verdict } from '../drift/drift';
import type { Retraining } from './retraining';
import type { Window } from './window';

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
  /** At the closing, as the three below. */
  logLoss?: number;
  coverage: number;
  labelled: number;
  rows: number;
}

export async function keepWindow(tx: Queryable, w: ClosedWindow): Promise<void> {
  await tx.query(
    `INSERT INTO closed_window (monitor, starts_at, ends_at, decided_at, model, reference_version, tests, untested, alarm, retraining, reason, log_loss, coverage, row_count, labelled)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [w.monitor, w.from, w.to, w.decidedAt, w.model, w.referenceVersion, canonicalJson(w.tests), canonicalJson(w.untested), w.alarm, w.retraining, w.reason, w.logLoss ?? null, w.coverage, w.rows, w.labelled]);
}

/** Fields that rows of an earlier release lack. */
type Kept<T, Newer extends keyof T> = Omit<T, Newer> & Partial<Pick<T, Newer>>;
interface WindowRow {
  monitor: string; starts_at: string; ends_at: string; decided_at: string; model: string; reference_version: number; tests: Kept<DriftTest, keyof typeof plain | 'rows'>[]; untested: Kept<Untested, 'reference' | 'slice'>[];
  alarm: boolean; retraining: Retraining['action']; reason: string; log_loss: number | null; coverage: number; row_count: string; labelled: string;
}

/** The closed windows of a monitor, oldest first. What was kept before tests named their reference was fixed, and about all rows. */
export async function listWindows(database: Queryable, monitor: string): Promise<ClosedWindow[]> {
  return (await database.query<WindowRow>('SELECT * FROM closed_window WHERE monitor = $1 ORDER BY starts_at', [monitor])).map(toWindow);
}

/** Windows with an alarm that were decided at `since` or later, oldest first; of all monitors when none is named. */
export async function listAlarmedWindows(database: Queryable, monitor: string | undefined, since: Instant): Promise<ClosedWindow[]> {
  return (await database.query<WindowRow>(
    'SELECT * FROM closed_window WHERE alarm AND ($1::text IS NULL OR monitor = $1) AND decided_at >= $2 ORDER BY decided_at, monitor, starts_at', [monitor ?? null, since])).map(toWindow);
}

const toWindow = (row: WindowRow): ClosedWindow => ({
  monitor: row.monitor, from: Number(row.starts_at), to: Number(row.ends_at), decidedAt: Number(row.decided_at), model: row.model, referenceVersion: row.reference_version,
  tests: row.tests.map((test) => ({ ...plain, rows: Number(row.row_count), ...test })), untested: row.untested.map((one) => ({ reference: 'fixed', slice: '', ...one })),
  alarm: row.alarm, retraining: row.retraining, reason: row.reason, logLoss: row.log_loss ?? undefined, coverage: row.coverage, rows: Number(row.row_count), labelled: Number(row.labelled),
});
const plain = { reference: 'fixed', slice: '', measure: 'psi', floor: 0, shown: false } as const;
