import type { Queryable } from '@rhei/messaging';

/** What is worked on under a lease: a run, or the repetition of one. Each is the table of that name. */
export type Work = 'run' | 'reproduction';

/**
 * Who works on something. The holder counts a beat up while it works; whoever sees the beat stand still for long enough
 * takes the work over with a higher token, and nothing that carries an older token is written any more.
 */
export interface Lease {
  work: Work;
  /** Of the run or the reproduction. */
  id: string;
  /** Empty: nobody. */
  holder: string;
  token: number;
  beat: number;
  /** Of what asked for the work. */
  traceparent: string;
}
interface LeaseRow { work: Work; id: string; holder: string; token: string; beat: string; traceparent: string }
const toLease = (row: LeaseRow): Lease => ({ work: row.work, id: row.id, holder: row.holder, traceparent: row.traceparent, token: Number(row.token), beat: Number(row.beat) });
const leased = `id, lease_holder AS holder, lease_token AS token, lease_beat AS beat, traceparent`;

/** The leases of all that is running, in the order in which it is worked on: runs, then repetitions. */
export async function listLeases(q: Queryable): Promise<Lease[]> {
  return (await q.query<LeaseRow>(
    `SELECT * FROM (
       SELECT 'run' AS work, as_of, ${leased} FROM run WHERE state = 'running'
       UNION ALL SELECT 'reproduction', 0, ${leased} FROM reproduction WHERE state = 'running') AS open
     ORDER BY work = 'reproduction', as_of, id`)).map(toLease);
}

/** Takes the lease as it was seen; undefined when somebody was faster or the work has ended. */
export async function takeLease(tx: Queryable, seen: Lease, holder: string): Promise<Lease | undefined> {
  const [row] = await tx.query<LeaseRow>(
    `WITH taken AS (UPDATE ${seen.work} SET lease_holder = $3, lease_token = lease_token + 1, lease_beat = 0, progress = 0, phase = ''
       WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING *)
     SELECT $4::text AS work, ${leased} FROM taken`, [seen.id, seen.token, holder, seen.work]);
  return row && toLease(row);
}

/** A sign of life; false when the lease is lost. */
export async function beat(tx: Queryable, { work, id, token }: Lease, { done, phase }: { done: number; phase: string }): Promise<boolean> {
  const rows = await tx.query(
    `WITH beaten AS (UPDATE ${work} SET lease_beat = lease_beat + 1, progress = GREATEST(progress, $3), phase = $4 WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING id)
     SELECT id FROM beaten`, [id, token, done, phase]);
  return rows.length > 0;
}

/** Whether the lease still holds; locks its row, so that it holds until the transaction ends. */
export async function holds(tx: Queryable, { work, id, token }: Lease): Promise<boolean> {
  return (await tx.query(`SELECT 1 FROM ${work} WHERE id = $1 AND lease_token = $2 AND state = 'running' FOR UPDATE`, [id, token])).length > 0;
}

/** Gives the work back; the death of its process is counted when it was one. Returns the number of deaths so far. */
export async function releaseLease(tx: Queryable, { work, id, token }: Lease, died: boolean): Promise<number> {
  const [row] = await tx.query<{ deaths: number }>(
    `WITH released AS (UPDATE ${work} SET lease_holder = '', lease_token = lease_token + 1, deaths = deaths + $3 WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING deaths)
     SELECT deaths FROM released`, [id, token, died ? 1 : 0]);
  return row?.deaths ?? 0;
}
