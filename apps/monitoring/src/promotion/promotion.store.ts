import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { Verdict } from './judgement';

/** A version that went live in place of another. */
export interface Promotion {
  monitor: string;
  /** Of the deployment's traffic. */
  revision: number;
  model: string;
  version: number;
  replaced: number;
  digest: string;
  liveFrom: Instant;
  due: Instant;
  judged: Judged | null;
}
export interface Judged {
  at: Instant;
  verdict: Verdict;
  reason: string;
  difference: number | null;
  low: number | null;
  high: number | null;
  rows: number;
  days: number;
  /** Of the request to go back; null where none was made. */
  rollback: string | null;
}

export async function keepPromotion(tx: Queryable, p: Omit<Promotion, 'judged'>): Promise<void> {
  await tx.query(
    'INSERT INTO promotion (monitor, revision, model, version, replaced, digest, live_from, due) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (monitor, revision) DO NOTHING',
    [p.monitor, p.revision, p.model, p.version, p.replaced, p.digest, p.liveFrom, p.due]);
}

export async function keepJudgement(tx: Queryable, monitor: string, revision: number, j: Judged): Promise<void> {
  await tx.query(
    `UPDATE promotion SET judged_at = $3, verdict = $4, reason = $5, difference = $6, low = $7, high = $8, row_count = $9, day_count = $10, rollback_id = $11
     WHERE monitor = $1 AND revision = $2`, [monitor, revision, j.at, j.verdict, j.reason, j.difference, j.low, j.high, j.rows, j.days, j.rollback]);
}

/** Another instant at which a promotion is judged: the labels take longer than was known. */
export async function postpone(tx: Queryable, monitor: string, revision: number, due: Instant): Promise<void> {
  await tx.query('UPDATE promotion SET due = $3 WHERE monitor = $1 AND revision = $2', [monitor, revision, due]);
}

interface Row {
  monitor: string; revision: string; model: string; version: number; replaced: number; digest: string; live_from: string; due: string; judged_at: string | null; verdict: Verdict | null;
  reason: string | null; difference: number | null; low: number | null; high: number | null; row_count: string | null; day_count: string | null; rollback_id: string | null;
}
const toPromotion = (row: Row): Promotion => ({
  monitor: row.monitor, revision: Number(row.revision), model: row.model, version: row.version, replaced: row.replaced, digest: row.digest, liveFrom: Number(row.live_from), due: Number(row.due),
  judged: row.judged_at === null || row.verdict === null ? null : {
    at: Number(row.judged_at), verdict: row.verdict, reason: row.reason ?? '', difference: row.difference, low: row.low, high: row.high,
    rows: Number(row.row_count), days: Number(row.day_count), rollback: row.rollback_id,
  },
});

/** The promotions of a monitor's deployment, oldest first. */
export async function listPromotions(database: Queryable, monitor: string): Promise<Promotion[]> {
  return (await database.query<Row>('SELECT * FROM promotion WHERE monitor = $1 ORDER BY revision', [monitor])).map(toPromotion);
}

/** Those that wait for their judgement, in the order in which they are due. */
export async function waitingPromotions(tx: Queryable, monitor: string): Promise<Promotion[]> {
  return (await tx.query<Row>('SELECT * FROM promotion WHERE monitor = $1 AND judged_at IS NULL ORDER BY due, revision', [monitor])).map(toPromotion);
}
