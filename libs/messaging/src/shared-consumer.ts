import { RheiError, type ServiceName, type TopicName } from '@rhei/contracts';
import type { CrashAt } from './crash-point';
import type { Around, ConsumerCounters, Delivered } from './delivered';
import type { Batch, EventLog, PartitionPosition, Subscription } from './event-log';
import { failureKind, reasonOf } from './failure';
import { bury, Fenced, park, positionOf, take, type Place } from './inbox';
import { readEntry, topicsOf, type Incoming } from './incoming';
import { stillParked } from './key-lock';
import { deadliest, forgetAttempt, noteAttempt } from './last-attempt';
import type { Logger } from './logger';
import { backOff, Pause } from './pause';
import type { Queryable, Transactor } from './transaction';

export interface SharedConsumerOptions<Tx extends Queryable = Queryable> {
  service: ServiceName;
  /** Name of the subscription, such as `feature`; inbox rows, positions and dead letters carry it. Never rename it. */
  group: string;
  log: EventLog;
  /** Its sessions need `idle_in_transaction_session_timeout`: a process that was stopped holds the position until then. */
  database: Transactor<Tx>;
  /** By CloudEvents type. The topics follow from it. */
  handlers: ReadonlyMap<string, (event: Delivered<any>, tx: Tx) => Promise<void>>;
  logger: Logger;
  around?: Around;
  crashAt?: CrashAt;
}

/** Attempts in a row with one event; then the partition waits (transient) or the event is set aside. */
const attempts = { transient: 5, unknown: 3, permanent: 1 };

interface Failure {
  error: unknown;
  /** The place in the run of the event whose handler failed; undefined when it was none of them. */
  at: number | undefined;
}

/**
 * Applies the events of a shared subscription once in effect: the effect, the inbox row and the position commit together.
 *
 * The events of a batch go into one transaction; if that fails, the one that failed goes alone. An event that cannot be
 * applied becomes a dead letter, and the later ones of its key are parked behind it; other keys go on.
 */
export class SharedConsumer<Tx extends Queryable = Queryable> {
  readonly counters: ConsumerCounters = { handled: 0, duplicates: 0, skipped: 0, dead: 0, parked: 0, retried: 0 };
  private subscription: Subscription | undefined;
  private stopping = false;
  private readonly pauses = new Set<Pause>();
  /** Where we believe each partition's stored position to be. */
  private readonly believed = new Map<string, number>();
  /** Partitions that were given to this member and of which it has taken no batch yet. */
  private readonly unproven = new Set<string>();

  constructor(private readonly options: SharedConsumerOptions<Tx>) {}

  async start(): Promise<void> {
    const { group, log, handlers, database } = this.options;
    this.subscription = await log.subscribeShared({
      group,
      topics: topicsOf(handlers.keys()),
      positionOf: async (topic, partition) => {
        const position = await database.transaction((tx) => positionOf(tx, { group, topic, partition }));
        await this.expectReach(topic, partition, position);
        this.believed.set(`${topic}/${partition}`, position);
        this.unproven.add(`${topic}/${partition}`);
        return position;
      },
      onBatch: (batch) => this.take(batch),
    });
  }

  /** What a replay of this subscription's dead letters needs. */
  get replaying(): Pick<SharedConsumerOptions<Tx>, 'database' | 'handlers' | 'around'> {
    const { database, handlers, around } = this.options;
    return { database, handlers, ...(around && { around }) };
  }

  /** The partitions that this member holds now. */
  positions(): PartitionPosition[] {
    return this.subscription?.positions() ?? [];
  }

  async stop(): Promise<void> {
    this.stopping = true;
    for (const pause of this.pauses) pause.wake();
    await this.subscription?.stop();
  }

  /** A log that ends before what was read of it is another log: what comes would be taken for old, or would be old. */
  private async expectReach(topic: TopicName, partition: number, position: number): Promise<void> {
    const head = (await this.options.log.heads(topic))[partition] ?? 0;
    if (position <= head) return;
    const place = { group: this.options.group, topic, partition };
    this.options.logger.error({ ...place, position, head }, 'the log ends before what was read of it: it was made again, or has lost entries; the partition does not go on');
    throw new Error(`${topic}/${partition}: read up to ${position}, but the log ends at ${head}. Restore the log; or, to read the new one from its start, run: UPDATE position SET next = 0 WHERE consumer = '${place.group}' AND topic = '${topic}' AND partition = ${partition}.`);
  }

  private async take({ topic, partition, entries }: Batch): Promise<void> {
    const place = { group: this.options.group, topic, partition };
    const believed = this.believed.get(`${topic}/${partition}`) ?? 0;
    // A subscription that never read anything starts at the oldest entry that the log still has.
    if (entries[0].offset > believed && believed > 0) {
      this.options.logger.error({ ...place, expected: believed, got: entries[0].offset }, 'the log has lost or trimmed entries that were not read; the partition does not go on without them');
      throw new Error(`${topic}/${partition}: expected offset ${believed}, got ${entries[0].offset}.`);
    }
    const rest = entries
      .filter(({ offset }) => offset >= believed)
      .map((entry) => readEntry(entry, topic, partition, (type) => this.options.handlers.has(type)));
    if (this.unproven.has(`${topic}/${partition}`) && rest.length > 0) return this.takeFirst(place, rest);
    return this.takeAll(place, rest);
  }

  /**
   * The first batch after a start. If the last process died over it, each event goes alone and is counted before its
   * handler runs, so that the one that kills is found and set aside; a handler that answers, whatever it says, does not count.
   */
  private async takeFirst(place: Place, arrived: Incoming[]): Promise<void> {
    const { database } = this.options;
    const note = ({ entry }: Incoming) => database.transaction((tx) => noteAttempt(tx, place, entry.offset));
    let { count, first } = await note(arrived[0]);
    this.unproven.delete(`${place.topic}/${place.partition}`);
    try {
      if (count === 1) return await this.takeAll(place, arrived);
      for (const [index, incoming] of arrived.entries()) {
        if (index > 0 && incoming.event) ({ count, first } = await note(incoming));
        if (incoming.event && count > deadliest) await this.takeAlone(place, crashed(incoming, count - 1, first));
        else await this.takeAlone(place, incoming);
      }
    } catch (error) {
      await database.transaction((tx) => forgetAttempt(tx, place)).catch(() => undefined);
      throw error;
    }
  }

  private async takeAll(place: Place, arrived: Incoming[]): Promise<void> {
    let rest = arrived;
    let together = rest.length;
    while (rest.length > 0) {
      const run = rest.slice(0, together);
      if (run.length === 1) await this.takeAlone(place, run[0]);
      else {
        const failure = await this.attempt(place, run);
        if (failure) {
          // Up to the one that failed together, then that one alone.
          together = failure.at || 1;
          continue;
        }
      }
      rest = rest.slice(run.length);
      together = rest.length;
    }
  }

  /** Repeats one event until it is applied or set aside. Throws when the partition has to wait. */
  private async takeAlone(place: Place, incoming: Incoming): Promise<void> {
    const { logger } = this.options;
    const firstFailure = Date.now() * 1000;
    let current = incoming;
    for (let count = 1; ; count++) {
      const failure = await this.attempt(place, [current]);
      if (!failure) return;
      // Only what the event's own handler did can be the event's fault.
      const kind = failure.at === undefined && !current.event ? 'transient' : failureKind(failure.error);
      const about = { ...place, offset: incoming.entry.offset, eventId: incoming.id, eventType: incoming.type, key: incoming.entry.key, attempts: count, reason: reasonOf(failure.error) };
      if (this.stopping) throw failure.error;
      if (count < attempts[kind]) {
        this.counters.retried++;
        logger.warn(about, 'event was not applied; trying again');
        await this.pause(backOff(count, 50, 1000));
      } else if (kind === 'transient' || current.death) {
        throw failure.error;
      } else {
        logger.error(about, 'event becomes a dead letter; later events of its key are parked');
        const refused = failure.error instanceof RheiError;
        current = {
          ...incoming,
          event: undefined,
          death: { class: refused ? 'refused' : 'failed', reason: reasonOf(failure.error), attempts: count, firstFailure, parks: true },
        };
        count = 0;
      }
    }
  }

  /** One transaction over a run of events. Returns what failed; throws when this member is fenced off. */
  private async attempt(place: Place, run: Incoming[]): Promise<Failure | undefined> {
    const { database, handlers, around, crashAt, logger } = this.options;
    const lane = `${place.topic}/${place.partition}`;
    const from = this.believed.get(lane) ?? 0;
    const to = run.at(-1)!.entry.offset + 1;
    let at: number | undefined;
    let fenced: Fenced | undefined;
    let done = none();
    await crashAt?.('consumer.before-transaction');
    try {
      await database.transaction(async (tx) => {
        // The transactor may run this again.
        at = undefined;
        done = none();
        const { fresh, parked: seen } = await take(tx, place, from, to, run).catch((error: unknown) => {
          if (error instanceof Fenced) fenced = error;
          throw error;
        });
        // Somebody may be replaying the key at this moment: what was parked then may have gone through since.
        const parked = seen.size === 0 ? seen : await stillParked(tx, place, seen);
        const dead: Incoming[] = [];
        const waiting: Incoming[] = [];
        for (const [index, incoming] of run.entries()) {
          const { event, death, entry, id, type } = incoming;
          if (!event && !death) done.skipped++;
          else if (!fresh.delete(id)) done.duplicates++;
          else if (death) {
            dead.push(incoming);
            if (death.parks) parked.add(entry.key);
          } else if (parked.has(entry.key)) waiting.push(incoming);
          else {
            at = index;
            const handle = () => handlers.get(type)!(event!, tx);
            await (around ? around(event!, handle) : handle());
            at = undefined;
            done.handled++;
          }
        }
        await bury(tx, place, dead);
        await park(tx, place, waiting);
        done.dead = dead.length;
        done.parked = waiting.length;
        await crashAt?.('consumer.effect-before-commit');
      });
    } catch (error) {
      if (fenced) throw fenced;
      return { error, at };
    }
    this.believed.set(lane, to);
    for (const name of Object.keys(done) as (keyof ConsumerCounters)[]) this.counters[name] += done[name];
    for (const { death, id, type, entry } of run) {
      if (death && death.class !== 'refused' && death.class !== 'failed') {
        logger.error({ ...place, offset: entry.offset, eventId: id, eventType: type, key: entry.key, reason: death.reason }, 'event became a dead letter');
      }
    }
    await crashAt?.('consumer.after-commit');
    return undefined;
  }

  private async pause(milliseconds: number): Promise<void> {
    const pause = new Pause();
    this.pauses.add(pause);
    if (!this.stopping) await pause.wait(milliseconds);
    this.pauses.delete(pause);
  }
}

/** An event in whose handler the process died `times` in a row. */
const crashed = (incoming: Incoming, times: number, firstFailure: number): Incoming => ({
  ...incoming, event: undefined,
  death: { class: 'crashed', reason: `The process ended ${times} times while this event was handled, and said nothing about why.`, attempts: times, firstFailure, parks: true },
});

const none = (): ConsumerCounters => ({ handled: 0, duplicates: 0, skipped: 0, dead: 0, parked: 0, retried: 0 });
