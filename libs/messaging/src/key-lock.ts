import type { Queryable } from './transaction';

/** First half of the advisory lock keys; runtime has its own. Whoever repeats the events of a key excludes whoever takes new ones. */
const KEY_LOCK = 1_380_470_005;

/** Excludes every consumer's transaction that finds an event of this parked key, until the end of the transaction. */
export async function lockKey(tx: Queryable, { group, topic, key }: { group: string; topic: string; key: string }): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [KEY_LOCK, nameOf(group, topic, key)]);
}

/**
 * Those of the keys that are parked still, once nobody repeats their events. They were seen in the snapshot of a statement
 * that may have waited since; until the end of this transaction it stays as it is said here.
 */
export async function stillParked(tx: Queryable, { group, topic }: { group: string; topic: string }, keys: Iterable<string>): Promise<Set<string>> {
  const sorted = [...keys].sort();
  if (sorted.length === 0) return new Set();
  await tx.query('SELECT pg_advisory_xact_lock_shared($1, hash) FROM (SELECT hashtext(name) AS hash FROM unnest($2::text[]) AS name ORDER BY 1 OFFSET 0) AS sorted', [
    KEY_LOCK, sorted.map((key) => nameOf(group, topic, key)),
  ]);
  const rows = await tx.query<{ key: string }>('SELECT DISTINCT key FROM dead_letter WHERE parks AND consumer = $1 AND topic = $2 AND key = ANY($3::text[])', [group, topic, sorted]);
  return new Set(rows.map(({ key }) => key));
}

const nameOf = (...parts: string[]): string => JSON.stringify(parts);
