import type { Queryable } from '@rhei/messaging';

/**
 * Who works on a run. The holder counts a beat up while it works; whoever sees the beat stand still for long enough
 * takes the run over with a higher token, and nothing that carries an older token is written any more.
 */
export interface Lease {
  run: string;
  /** Empty: nobody. */
  holder: string;
  token: number;
  beat: number;
  /** Of the run. */
  traceparent: string;
}
interface LeaseRow { run: string; holder: string; token: string; beat: string; traceparent: string }
const toLease = (row: LeaseRow): Lease => ({ run: row.run, holder: row.holder, traceparent: row.traceparent, token: Number(row.token), beat: Number(row.beat) });

/** The leases of all running runs, in the order in which the runs are worked on. */
export async function listLeases(q: Queryable): Promise<Lease[]> {
  return (await q.query<LeaseRow>(
    `SELECT id AS run, lease_holder AS holder, lease_token AS token, lease_beat AS beat, traceparent FROM run WHERE state = 'running' ORDER BY as_of, id`)).map(toLease);
}

/** Takes the lease as it was seen; undefined when somebody was faster or the run has ended. */
export async function takeLease(tx: Queryable, seen: Lease, holder: string): Promise<Lease | undefined> {
  const [row] = await tx.query<LeaseRow>(
    `WITH taken AS (UPDATE run SET lease_holder = $3, lease_token = lease_token + 1, lease_beat = 0, progress = 0
       WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING id, lease_holder, lease_token, lease_beat, traceparent)
     SELECT id AS run, lease_holder AS holder, lease_token AS token, lease_beat AS beat, traceparent FROM taken`, [seen.run, seen.token, holder]);
  return row && toLease(row);
}

/** A sign of life; false when the lease is lost. */
export async function beat(tx: Queryable, { run, token }: Lease, progress: number): Promise<boolean> {
  const rows = await tx.query(
    `WITH beaten AS (UPDATE run SET lease_beat = lease_beat + 1, progress = GREATEST(progress, $3) WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING id)
     SELECT id FROM beaten`, [run, token, progress]);
  return rows.length > 0;
}

/** Whether the lease still holds; locks the run, so that it holds until the transaction ends. */
export async function holds(tx: Queryable, { run, token }: Lease): Promise<boolean> {
  return (await tx.query(`SELECT 1 FROM run WHERE id = $1 AND lease_token = $2 AND state = 'running' FOR UPDATE`, [run, token])).length > 0;
}

/** Gives the run back; the death of its process is counted when it was one. Returns the number of deaths so far. */
export async function releaseLease(tx: Queryable, { run, token }: Lease, died: boolean): Promise<number> {
  const [row] = await tx.query<{ deaths: number }>(
    `WITH released AS (UPDATE run SET lease_holder = '', lease_token = lease_token + 1, deaths = deaths + $3 WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING deaths)
     SELECT deaths FROM released`, [run, token, died ? 1 : 0]);
  return row?.deaths ?? 0;
}
