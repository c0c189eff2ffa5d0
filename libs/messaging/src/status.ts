import type { TopicName } from '@rhei/contracts';
import type { EventLog, PartitionPosition } from './event-log';
import type { Queryable } from './transaction';

export interface ParkedKey {
  group: string;
  topic: TopicName;
  key: string;
  /** Events that wait behind the dead letter. */
  waiting: number;
}

export interface PartitionProgress extends PartitionPosition {
  group: string;
  head: number;
}

/** Keys that wait behind a dead letter, by (group, topic, key). */
export async function parkedKeys(q: Queryable): Promise<ParkedKey[]> {
  const rows = await q.query<ParkedKey & { waiting: string }>(
    `SELECT consumer AS "group", topic, key, (SELECT count(*) FROM parked p WHERE (p.consumer, p.topic, p.key) = (d.consumer, d.topic, d.key)) AS waiting
     FROM dead_letter d WHERE parks GROUP BY consumer, topic, key ORDER BY consumer, topic, key`,
  );
  return rows.map((row) => ({ ...row, waiting: Number(row.waiting) }));
}

export interface Outstanding {
  /** Events that are committed and not marked as sent. */
  unsent: number;
  /** Keys whose events wait behind a dead letter. */
  parked: number;
  deadLetters: number;
}

/** What has still to be sent and what was set aside, in one query: a story asks thousands of times. */
export async function outstandingOf(q: Queryable): Promise<Outstanding> {
  const [row] = await q.query<Record<'unsent' | 'parked' | 'dead', string>>(
    `SELECT (SELECT count(*) FROM outbox WHERE sent_at IS NULL) AS unsent,
       count(DISTINCT (consumer, topic, key)) FILTER (WHERE parks) AS parked, count(*) AS dead FROM dead_letter`,
  );
  return { unsent: Number(row.unsent), parked: Number(row.parked), deadLetters: Number(row.dead) };
}

/**
 * Position and head of every partition of the topics, for one shared subscription (all replicas of the service together).
 * Positions are read first, so equal numbers mean that nothing was waiting.
 */
export async function progressOf(q: Queryable, log: EventLog, group: string, topics: TopicName[]): Promise<PartitionProgress[]> {
  const rows = await q.query<{ topic: TopicName; partition: number; next: string }>('SELECT topic, partition, next FROM position WHERE consumer = $1', [group]);
  const positions = new Map(rows.map(({ topic, partition, next }) => [`${topic}/${partition}`, Number(next)]));
  const heads = await Promise.all(topics.map((topic) => log.heads(topic)));
  return topics.flatMap((topic, index) =>
    heads[index].map((head, partition) => ({ group, topic, partition, position: positions.get(`${topic}/${partition}`) ?? 0, head })),
  );
}
