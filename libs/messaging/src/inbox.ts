import type { TopicName } from '@rhei/contracts';
import type { Incoming } from './incoming';
import type { Queryable } from './transaction';

/** Where in the log a consumer's transaction stands. */
export interface Place {
  group: string;
  topic: TopicName;
  partition: number;
}

/** The position is not what this member believes: another one owns the partition, or a commit went through unseen. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
  constructor({ group, topic, partition }: Place, believed: number) {
    super(`"${group}" is not at ${topic}/${partition}@${believed} any more: somebody else has moved it.`);
  }
}

// One statement for all the bookkeeping of a transaction. Moving the row locks it, and only from where this member
// believes to be: a stale owner moves nothing, so it takes nothing.
const takeSql = `
WITH moved AS (
  UPDATE position SET next = $5 WHERE consumer = $1 AND topic = $2 AND partition = $3 AND next = $4 RETURNING next
), fresh AS (
  INSERT INTO inbox (consumer, event_id, taken_at)
  SELECT $1, id, $8 FROM unnest($6::text[]) AS id WHERE EXISTS (SELECT FROM moved)
  ON CONFLICT DO NOTHING RETURNING event_id
)
SELECT EXISTS (SELECT FROM moved) AS held, ARRAY(SELECT event_id FROM fresh) AS fresh,
       ARRAY(SELECT DISTINCT key FROM dead_letter WHERE parks AND consumer = $1 AND topic = $2 AND key = ANY($7::text[])) AS parked`;

/**
 * Moves the position from `from` to `to` and records the events as taken. Returns the ids that were not taken before, and
 * which of the keys are parked. Errors: {@link Fenced}.
 */
export async function take(tx: Queryable, place: Place, from: number, to: number, arrived: Incoming[]): Promise<{ fresh: Set<string>; parked: Set<string> }> {
  const counted = arrived.filter(({ event, death }) => event ?? death);
  const [row] = await tx.query<{ held: boolean; fresh: string[]; parked: string[] }>(takeSql, [
    place.group, place.topic, place.partition, from, to,
    counted.map(({ id }) => id),
    [...new Set(counted.map(({ entry }) => entry.key))],
    Date.now() * 1000,
  ]);
  if (!row.held) throw new Fenced(place, from);
  return { fresh: new Set(row.fresh), parked: new Set(row.parked) };
}

/** The stored position; a partition that was never read starts at 0. */
export async function positionOf(tx: Queryable, { group, topic, partition }: Place): Promise<number> {
  const [row] = await tx.query<{ next: number | string }>(
    `WITH made AS (INSERT INTO position (consumer, topic, partition, next) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING RETURNING next)
     SELECT next FROM made UNION ALL SELECT next FROM position WHERE consumer = $1 AND topic = $2 AND partition = $3`,
    [group, topic, partition],
  );
  // Two members that make the row at once: the one that waited sees neither its own nor the other's.
  return Number(row?.next ?? 0);
}

const columns = 'consumer, topic, partition, event_id, event_type, "offset", key, headers, payload';
const values = `SELECT $1, $2, $3::int, event_id, event_type, "offset", key, headers, payload`;
const given = `unnest($4::text[], $5::text[], $6::bigint[], $7::text[], $8::jsonb[], $9::bytea[]`;
const names = `event_id, event_type, "offset", key, headers, payload`;
const parametersOf = ({ group, topic, partition }: Place, arrived: Incoming[]): unknown[] => [
  group, topic, partition,
  arrived.map(({ id }) => id),
  arrived.map(({ type }) => type),
  arrived.map(({ entry }) => entry.offset),
  arrived.map(({ entry }) => entry.key),
  arrived.map(({ entry }) => JSON.stringify(entry.headers)),
  arrived.map(({ entry }) => Buffer.from(entry.value)),
];

/** Puts events behind the dead letter of their key, in their order. */
export async function park(tx: Queryable, place: Place, arrived: Incoming[]): Promise<void> {
  if (arrived.length === 0) return;
  await tx.query(
    `INSERT INTO parked (${columns}, parked_at)
     ${values}, $10::bigint FROM ${given}) WITH ORDINALITY AS e(${names}, place) ORDER BY place`,
    [...parametersOf(place, arrived), Date.now() * 1000],
  );
}

/** Keeps events that cannot be applied, with their original bytes and headers, and why. */
export async function bury(tx: Queryable, place: Place, arrived: Incoming[]): Promise<void> {
  if (arrived.length === 0) return;
  const deaths = arrived.map(({ death }) => death!);
  await tx.query(
    `INSERT INTO dead_letter (${columns}, class, reason, attempts, first_failure, parks, dead_at)
     ${values}, class, reason, attempts, first_failure, parks, $15::bigint
     FROM ${given}, $10::text[], $11::text[], $12::int[], $13::bigint[], $14::boolean[]) WITH ORDINALITY
       AS e(${names}, class, reason, attempts, first_failure, parks, place) ORDER BY place`,
    [
      ...parametersOf(place, arrived),
      deaths.map((death) => death.class),
      deaths.map(({ reason }) => reason),
      deaths.map(({ attempts }) => attempts),
      deaths.map(({ firstFailure }) => firstFailure),
      deaths.map(({ parks }) => parks),
      Date.now() * 1000,
    ],
  );
}
