import type { Place } from './inbox';
import type { Queryable } from './transaction';

/** Starts on one and the same event, each of which ended the process, before it is set aside without another. */
export const deadliest = 3;

/**
 * Notes that the event at `offset` is about to be handled, and returns how often it was so in a row without an answer.
 * Committed before the handler runs: a count in memory dies with the process that the handler kills.
 */
export async function noteAttempt(tx: Queryable, { group, topic, partition }: Place, offset: number): Promise<{ count: number; first: number }> {
  const [row] = await tx.query<{ count: number; first: string }>(
    `INSERT INTO last_attempt AS a (consumer, topic, partition, "offset", count, first_at) VALUES ($1, $2, $3, $4, 1, $5)
     ON CONFLICT (consumer, topic, partition) DO UPDATE SET
       count = CASE WHEN a."offset" = excluded."offset" THEN a.count + 1 ELSE 1 END,
       first_at = CASE WHEN a."offset" = excluded."offset" THEN a.first_at ELSE excluded.first_at END, "offset" = excluded."offset"
     RETURNING count, first_at AS first`,
    [group, topic, partition, offset, Date.now() * 1000],
  );
  return { count: row.count, first: Number(row.first) };
}

/** The handler has answered, in whatever way: the process lives. */
export async function forgetAttempt(tx: Queryable, { group, topic, partition }: Place): Promise<void> {
  await tx.query('DELETE FROM last_attempt WHERE consumer = $1 AND topic = $2 AND partition = $3', [group, topic, partition]);
}
