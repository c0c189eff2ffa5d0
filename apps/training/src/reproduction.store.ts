import { notFound } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { RunDifference } from './difference';
import type { Reproduction, ReproductionState } from './reproduction';

interface ReproductionRow { id: string; run: string; by: string; state: ReproductionState; differences: RunDifference[]; failure: string; progress: number; phase: string; seconds: number }
const columns = 'id, run, by, state, differences, failure, progress, phase, seconds';
const toReproduction = (row: ReproductionRow): Reproduction => ({ ...row });

export async function insertReproduction(tx: Queryable, one: { id: string; run: string; number: number; by: string; requestId?: string; traceparent: string }): Promise<void> {
  await tx.query('INSERT INTO reproduction (id, run, number, by, request_id, traceparent) VALUES ($1, $2, $3, $4, $5, $6)',
    [one.id, one.run, one.number, one.by, one.requestId ?? null, one.traceparent]);
}

export async function reproductionNamed(q: Queryable, id: string): Promise<Reproduction> {
  const [row] = await q.query<ReproductionRow>(`SELECT ${columns} FROM reproduction WHERE id = $1`, [id]);
  if (!row) throw notFound(`There is no reproduction "${id}". ReproduceRun starts one, and answers with its id.`, { field: 'id', expected: 'the id of a reproduction', got: id, hint: 'ReproduceRun starts one, and answers with its id.' });
  return toReproduction(row);
}

export async function reproductionOfRequest(q: Queryable, run: string, requestId: string): Promise<Reproduction | undefined> {
  const [row] = await q.query<ReproductionRow>(`SELECT ${columns} FROM reproduction WHERE run = $1 AND request_id = $2`, [run, requestId]);
  return row && toReproduction(row);
}

export async function countReproductions(q: Queryable, run: string): Promise<number> {
  const [row] = await q.query<{ count: string }>('SELECT count(*) FROM reproduction WHERE run = $1', [run]);
  return Number(row.count);
}

/** Ends it. The token of its lease grows, so whoever still works on it can write nothing more. */
export async function saveVerdict(tx: Queryable, id: string, end: { state: ReproductionState; differences?: readonly RunDifference[]; failure?: string; seconds: number }): Promise<void> {
  await tx.query(
    `UPDATE reproduction SET state = $2, differences = $3, failure = $4, seconds = $5, progress = CASE WHEN $2 = 'failed' THEN progress ELSE 1 END, phase = '',
       lease_holder = '', lease_token = lease_token + 1 WHERE id = $1`,
    [id, end.state, canonicalJson(end.differences ?? []), end.failure ?? '', end.seconds]);
}
