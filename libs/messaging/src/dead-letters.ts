import { eventNamed, events, type TopicName } from '@rhei/contracts';
import { reasonOf } from './failure';
import type { Queryable } from './transaction';

/**
 * Why an event was set aside. `refused`: its handler says that it can never be right. `failed`: the handler failed at every
 * attempt. `crashed`: the process died in its handler again and again. `undecodable`, `unknown-type`: this version cannot
 * read it. `held`: nothing is wrong with it; it waited behind a dead letter that is gone, and its own turn has not come.
 */
export const deadLetterClasses = ['refused', 'failed', 'crashed', 'undecodable', 'unknown-type', 'held'] as const;
export type DeadLetterClass = (typeof deadLetterClasses)[number];

export interface DeadLetter {
  id: string;
  group: string;
  eventId: string;
  eventType: string;
  topic: TopicName;
  partition: number;
  offset: number;
  key: string;
  reason: string;
  class: DeadLetterClass;
  attempts: number;
  /** System time, µs. */
  firstFailure: number;
  /** When it was set aside. System time, µs. */
  deadAt: number;
  /** Whether later events of its key wait behind it. */
  parks: boolean;
  /** How many do. */
  waiting: number;
}

/** A dead letter with what the log brought. */
export interface OpenedDeadLetter extends DeadLetter {
  headers: Record<string, string>;
  payload: Buffer;
  /** Ids of the first events that wait behind it, in their order. */
  waitingIds: string[];
}

export interface DeadLetterFilter {
  eventType?: string;
  class?: DeadLetterClass;
  /** Set aside before this instant. System time, µs. */
  before?: number;
  /** Only those after this id. */
  after?: string;
  limit?: number;
}

const shown = `id, consumer AS "group", event_id AS "eventId", event_type AS "eventType", topic, partition, "offset", key, reason, class, attempts,
  first_failure AS "firstFailure", dead_at AS "deadAt", parks`;
const waiting = `CASE WHEN parks THEN (SELECT count(*) FROM parked p WHERE (p.consumer, p.topic, p.key) = (d.consumer, d.topic, d.key)) ELSE 0 END AS waiting`;
const matches = `($1::text IS NULL OR event_type = $1) AND ($2::text IS NULL OR class = $2) AND ($3::bigint IS NULL OR dead_at < $3)`;

/** Dead letters, the oldest first. */
export async function deadLetters(q: Queryable, filter: DeadLetterFilter = {}): Promise<DeadLetter[]> {
  const rows = await q.query<DeadLetter>(`SELECT ${shown}, ${waiting} FROM dead_letter d WHERE ${matches} AND id > $4 ORDER BY id LIMIT $5`, [
    ...parametersOf(filter), filter.after ?? 0, filter.limit ?? 1000,
  ]);
  return rows.map(read);
}

/** How many dead letters the filter finds in all. */
export async function countDeadLetters(q: Queryable, filter: DeadLetterFilter = {}): Promise<number> {
  const [{ count }] = await q.query<{ count: string }>(`SELECT count(*) AS count FROM dead_letter WHERE ${matches}`, parametersOf(filter));
  return Number(count);
}

/** One dead letter with its original headers and bytes. */
export async function openDeadLetter(q: Queryable, id: string): Promise<OpenedDeadLetter | undefined> {
  const [row] = await q.query<OpenedDeadLetter>(
    `SELECT ${shown}, ${waiting}, headers, payload,
            ARRAY(SELECT event_id FROM parked p WHERE d.parks AND (p.consumer, p.topic, p.key) = (d.consumer, d.topic, d.key) ORDER BY p.id LIMIT 20) AS "waitingIds"
     FROM dead_letter d WHERE id = $1`, [id]);
  return row && read(row);
}

/** The payload as JSON, where this version can read it; else why it cannot. */
export function payloadAsJson({ eventType, payload }: Pick<OpenedDeadLetter, 'eventType' | 'payload'>): { json: string } | { fault: string } {
  const name = eventNamed(eventType);
  if (!name) return { fault: `event type "${eventType}" is not known to this version` };
  const codec = events[name].codec as unknown as { decode(bytes: Uint8Array): unknown; toJSON(message: unknown): unknown };
  try {
    return { json: JSON.stringify(codec.toJSON(codec.decode(payload))) };
  } catch (error) {
    return { fault: reasonOf(error) };
  }
}

const parametersOf = ({ eventType, class: kind, before }: DeadLetterFilter): unknown[] => [eventType ?? null, kind ?? null, before ?? null];

const read = <Row extends DeadLetter>(row: Row): Row => ({
  ...row, id: String(row.id), offset: Number(row.offset), firstFailure: Number(row.firstFailure), deadAt: Number(row.deadAt), waiting: Number(row.waiting),
});
