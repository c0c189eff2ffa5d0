import type { Queryable } from '@rhei/messaging';
import type { Instant } from './clock';

export interface TimerRow {
  due: Instant;
  kind: string;
  key: string;
}

/** Sets, moves and takes away timers: `changes` by `[kind, key]` in JSON, null to take away. */
export async function writeTimers(tx: Queryable, changes: ReadonlyMap<string, Instant | null>): Promise<void> {
  const all = [...changes].map(([id, due]) => ({ id: JSON.parse(id) as [string, string], due })).sort((a, b) => (compare(a.id[0], b.id[0]) || compare(a.id[1], b.id[1])));
  const columns = (rows: typeof all) => [rows.map(({ id }) => id[0]), rows.map(({ id }) => id[1])];
  const set = all.filter(({ due }) => due !== null);
  const gone = all.filter(({ due }) => due === null);
  if (set.length > 0) {
    await tx.query(
      `INSERT INTO timer (kind, key, due) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
       ON CONFLICT (kind, key) DO UPDATE SET due = excluded.due`, [...columns(set), set.map(({ due }) => due)]);
  }
  if (gone.length > 0) {
    await tx.query('DELETE FROM timer t USING unnest($1::text[], $2::text[]) AS g (kind, key) WHERE t.kind = g.kind AND t.key = g.key', columns(gone));
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The timer that is due first among the kinds, or undefined. */
export async function firstTimer(q: Queryable, kinds: string[]): Promise<TimerRow | undefined> {
  const [row] = await q.query<TimerRow>('SELECT due, kind, key FROM timer WHERE kind = ANY($1) ORDER BY due, kind, key LIMIT 1', [kinds]);
  return row;
}
