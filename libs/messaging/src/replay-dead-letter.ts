import { createHash } from 'node:crypto';
import { conflict, notFound, RheiError } from '@rhei/contracts';
import { openDeadLetter, type OpenedDeadLetter } from './dead-letters';
import type { Around } from './delivered';
import { failureKind, reasonOf } from './failure';
import { readEntry } from './incoming';
import { lockKey } from './key-lock';
import type { SharedConsumerOptions } from './shared-consumer';
import type { Queryable, Transactor } from './transaction';

/** What was done about one event that was set aside; for the record of decisions. */
export interface DeadLetterAct {
  letter: OpenedDeadLetter;
  /** SHA-256 of the event's bytes, in hex. */
  digest: string;
  /** `applied`: handled now. `ignored`: this version knows its type and does not hear it. `failed`: it stays. `dropped`: given up. */
  outcome: 'applied' | 'ignored' | 'failed' | 'dropped';
  /** Why it failed. */
  reason?: string;
  /** The event behind which this one waited, when it was handled because that one went. */
  follows?: string;
}

export interface ReplayOptions<Tx extends Queryable = Queryable> {
  database: Transactor<Tx>;
  handlers: SharedConsumerOptions<Tx>['handlers'];
  around?: Around;
  /** Written in the transaction of what it tells about; of a failure, in the one that keeps its reason. */
  note(tx: Tx, act: DeadLetterAct): Promise<void>;
  /** Asked before each event that waited behind the first one. What is left then stays parked behind its own dead letter. */
  goOn?(): boolean;
}

export interface Replayed {
  /** Events that were handled, the first one included. */
  applied: number;
  /**
   * The dead letter behind which the rest of the key waits now, if any. `failed`: it was tried, and fails. `held`: its turn
   * has not come, go on with it. `dead`: it was dead before.
   */
  stoppedAt?: { id: string; eventId: string; state: 'failed' | 'held' | 'dead'; reason: string };
}

/**
 * Handles a dead event again, with its id and bytes as they came, and then the events that wait behind it, in their order,
 * until one fails. One transaction each: effect, the row that goes, and the next event of the key, which takes its place
 * as a dead letter of class `held`. So whatever ends this early leaves the key parked at the first event without effect.
 * Errors: `not_found` when it is not there (any more), `conflict` while an earlier event of its key is dead too.
 */
export async function replayDeadLetter<Tx extends Queryable>(options: ReplayOptions<Tx>, id: string): Promise<Replayed> {
  return follow(options, await handleAgain(options, id), 1);
}

/**
 * Gives a dead event up, and handles those that wait behind it as {@link replayDeadLetter} does. Errors: as there.
 */
export async function dropDeadLetter<Tx extends Queryable>(options: ReplayOptions<Tx>, id: string): Promise<Replayed> {
  const left = await options.database.transaction(async (tx) => {
    const letter = await openLocked(tx, id);
    const next = await remove(tx, letter);
    await options.note(tx, { letter, digest: digestOf(letter), outcome: 'dropped' });
    return { letter, next };
  });
  return follow(options, left, 0);
}

interface Left {
  letter: OpenedDeadLetter;
  /** What took its place: an event that waited (`held`), or another dead letter of the key. */
  next?: { id: string; eventId: string; held: boolean; reason: string };
  /** It failed again. */
  reason?: string;
}

async function follow<Tx extends Queryable>(options: ReplayOptions<Tx>, first: Left, count: number): Promise<Replayed> {
  let left = first;
  for (let applied = count; ; applied++) {
    const { letter, next, reason } = left;
    if (reason !== undefined) return { applied: applied - 1, stoppedAt: { id: letter.id, eventId: letter.eventId, state: 'failed', reason } };
    if (!next) return { applied };
    if (!next.held || options.goOn?.() === false) return { applied, stoppedAt: { id: next.id, eventId: next.eventId, state: next.held ? 'held' : 'dead', reason: next.reason } };
    try {
      left = await handleAgain(options, next.id, letter.eventId);
    } catch (error) {
      // Somebody else goes on with the key.
      if (error instanceof RheiError && error.code === 'not_found') return { applied };
      throw error;
    }
  }
}

/** One event in one transaction. A failure of its handler is an answer; any other one is thrown, and nothing was done. */
async function handleAgain<Tx extends Queryable>({ database, handlers, around, note }: ReplayOptions<Tx>, id: string, follows?: string): Promise<Left> {
  const about = (letter: OpenedDeadLetter): Pick<DeadLetterAct, 'letter' | 'digest' | 'follows'> => ({ letter, digest: digestOf(letter), ...(follows !== undefined && { follows }) });
  let failing: OpenedDeadLetter | undefined;
  try {
    return await database.transaction(async (tx) => {
      failing = undefined;
      const letter = await openLocked(tx, id);
      const { topic, partition, offset, key, headers, payload } = letter;
      failing = letter;
      const { event, death, type } = readEntry({ offset, key, headers, value: payload }, topic, partition, (named) => handlers.has(named));
      if (death) throw new StillDead(death.reason);
      const handle = () => handlers.get(type)!(event!, tx);
      if (event) await (around ? around(event, handle) : handle());
      failing = undefined;
      const next = await remove(tx, letter);
      await note(tx, { ...about(letter), outcome: event ? 'applied' : 'ignored' });
      return { letter, next };
    });
  } catch (error) {
    if (!failing) throw error;
    const letter = failing;
    const reason = reasonOf(error);
    const kind = error instanceof StillDead ? letter.class : failureKind(error) === 'permanent' ? 'refused' : 'failed';
    await database.transaction(async (tx) => {
      await lockKey(tx, letter);
      await tx.query('UPDATE dead_letter SET class = $2, reason = $3, attempts = attempts + 1 WHERE id = $1', [id, kind, reason]);
      await note(tx, { ...about(letter), outcome: 'failed', reason });
    });
    return { letter, reason };
  }
}

class StillDead extends Error {}

/** Reads the letter under the lock of its key: neither a consumer nor another replay touches the key until the commit. */
async function openLocked(tx: Queryable, id: string): Promise<OpenedDeadLetter> {
  const seen = await openDeadLetter(tx, id);
  if (seen) await lockKey(tx, seen);
  const letter = seen && (await openDeadLetter(tx, id));
  if (!letter) throw notFound(`There is no dead letter ${id}: it was replayed or dropped, or never was. List those that are there.`, { field: 'id', got: id });
  const [earlier] = letter.parks ? await letters(tx, letter, letter.offset) : [];
  if (earlier) {
    throw conflict(`Dead letter ${id} comes after dead letter ${earlier.id} of the same key "${letter.key}". Replay or drop ${earlier.id} first.`, { field: 'id', expected: String(earlier.id), got: id });
  }
  return letter;
}

/** The first parking letter of the key before the offset. */
const letters = (tx: Queryable, { group, topic, key }: OpenedDeadLetter, before: number) =>
  tx.query<{ id: string | number; eventId: string; class: string; reason: string }>(
    `SELECT id, event_id AS "eventId", class, reason FROM dead_letter
     WHERE parks AND consumer = $1 AND topic = $2 AND key = $3 AND "offset" < $4 ORDER BY "offset" LIMIT 1`, [group, topic, key, before]);

/** Takes the letter away. The next event of its key becomes the dead letter that parks the rest, unless there is one already. */
async function remove(tx: Queryable, letter: OpenedDeadLetter): Promise<Left['next']> {
  const { id, group, topic, key, eventId, parks } = letter;
  await tx.query('DELETE FROM dead_letter WHERE id = $1', [id]);
  if (!parks) return undefined;
  const [other] = await letters(tx, letter, Number.MAX_SAFE_INTEGER);
  const reason = `It waited behind event ${eventId}, which is gone; its own turn has not come.`;
  const [held] = await tx.query<{ id: string | number; eventId: string }>(
    `WITH first AS (
       DELETE FROM parked WHERE id = (
         SELECT id FROM parked WHERE consumer = $1 AND topic = $2 AND key = $3
           AND "offset" < coalesce((SELECT min("offset") FROM dead_letter WHERE parks AND consumer = $1 AND topic = $2 AND key = $3), 9223372036854775807)
         ORDER BY id LIMIT 1)
       RETURNING *)
     INSERT INTO dead_letter (consumer, topic, partition, event_id, event_type, "offset", key, headers, payload, class, reason, attempts, first_failure, parks, dead_at)
     SELECT consumer, topic, partition, event_id, event_type, "offset", key, headers, payload, 'held', $4, 0, parked_at, true, parked_at FROM first
     RETURNING id, event_id AS "eventId"`,
    [group, topic, key, reason],
  );
  if (held) return { id: String(held.id), eventId: held.eventId, held: true, reason };
  return other ? { id: String(other.id), eventId: other.eventId, held: other.class === 'held', reason: other.reason } : undefined;
}

const digestOf = ({ payload }: OpenedDeadLetter): string => createHash('sha256').update(payload).digest('hex');
