import type { EventLog, Subscription, UpstreamRecord } from './event-log';
import { failureKind, reasonOf } from './failure';
import { Fenced } from './inbox';
import type { Logger } from './logger';
import { backOff, Pause } from './pause';
import type { Queryable, Transactor } from './transaction';

export interface UpstreamPlace {
  topic: string;
  partition: number;
}

export interface UpstreamConsumerOptions<Tx extends Queryable = Queryable> {
  /** Under this name the positions are kept, and by it and the topic the replicas share the partitions. Never rename it. */
  consumer: string;
  topic: string;
  log: Required<Pick<EventLog, 'subscribeUpstream'>>;
  /** Its sessions need `idle_in_transaction_session_timeout`: a process that was stopped holds the position until then. */
  database: Transactor<Tx>;
  /** The effect of a batch, bad records included: it commits together with the position. May run more than once until it does. */
  take(place: UpstreamPlace, records: UpstreamRecord[], tx: Tx): Promise<void>;
  /** Keeps a record with which `take` failed at every attempt, so that nothing waits for it. */
  setAside(place: UpstreamPlace, record: UpstreamRecord, reason: string, tx: Tx): Promise<void>;
  logger: Logger;
}

/** Attempts in a row with one record before it is set aside. */
const attempts = 3;

/**
 * Reads a topic that is not ours: nothing in it can be trusted, and it is taken once in effect all the same, because effect
 * and position commit together. A batch that fails is taken one by one, and a record that fails alone is set aside; while
 * something that is needed is away, the partition waits.
 */
export class UpstreamConsumer<Tx extends Queryable = Queryable> {
  private subscription: Subscription | undefined;
  private stopping = false;
  private readonly pauses = new Set<Pause>();
  /** Where we believe each partition's stored position to be. */
  private readonly believed = new Map<number, number>();

  constructor(private readonly options: UpstreamConsumerOptions<Tx>) {}

  /** Errors: what the log says of a topic that is not there or may not be read. */
  async start(): Promise<void> {
    const { consumer, topic, log, database } = this.options;
    this.subscription = await log.subscribeUpstream({
      group: `${consumer}.${topic}`, topic,
      positionOf: async (partition) => {
        const position = await database.transaction((tx) => storedPosition(tx, consumer, { topic, partition }));
        this.believed.set(partition, position);
        return position;
      },
      onBatch: ({ partition, records }) => this.take(partition, records),
    });
  }

  async stop(): Promise<void> {
    this.stopping = true;
    for (const pause of this.pauses) pause.wake();
    await this.subscription?.stop();
  }

  private async take(partition: number, records: UpstreamRecord[]): Promise<void> {
    const place = { topic: this.options.topic, partition };
    const wanted = records.filter(({ offset }) => offset >= (this.believed.get(partition) ?? 0));
    if (wanted.length === 0) return;
    const error = await this.attempt(place, wanted, this.options.take);
    if (error === undefined) return;
    if (failureKind(error) === 'transient' || this.stopping) throw error;
    for (const record of wanted) await this.takeAlone(place, record);
  }

  private async takeAlone(place: UpstreamPlace, record: UpstreamRecord): Promise<void> {
    const { take, setAside, logger } = this.options;
    for (let count = 1; ; count++) {
      const error = await this.attempt(place, [record], take);
      if (error === undefined) return;
      if (failureKind(error) === 'transient' || this.stopping) throw error;
      if (count < attempts) {
        await this.pause(backOff(count, 50, 1000));
        continue;
      }
      logger.error({ ...place, offset: record.offset, reason: reasonOf(error) }, 'a record could not be taken and is set aside');
      const last = await this.attempt(place, [record], (where, [one], tx) => setAside(where, one, reasonOf(error), tx));
      if (last !== undefined) throw last;
      return;
    }
  }

  /** One transaction: the position moves from where this member believes it to be, and what `act` does. Returns what failed; throws when fenced off. */
  private async attempt(place: UpstreamPlace, records: UpstreamRecord[], act: UpstreamConsumerOptions<Tx>['take']): Promise<unknown> {
    const { consumer, database } = this.options;
    const from = this.believed.get(place.partition) ?? 0;
    const to = records.at(-1)!.offset + 1;
    try {
      await database.transaction(async (tx) => {
        const moved = await tx.query('UPDATE position SET next = $5 WHERE consumer = $1 AND topic = $2 AND partition = $3 AND next = $4 RETURNING next', [
          consumer, place.topic, place.partition, from, to,
        ]);
        if (moved.length === 0) throw new Fenced({ group: consumer, ...place } as ConstructorParameters<typeof Fenced>[0], from);
        await act(place, records, tx);
      });
    } catch (error) {
      if (error instanceof Fenced) throw error;
      return error ?? new Error('failed without saying why');
    }
    this.believed.set(place.partition, to);
    return undefined;
  }

  private async pause(milliseconds: number): Promise<void> {
    const pause = new Pause();
    this.pauses.add(pause);
    if (!this.stopping) await pause.wait(milliseconds);
    this.pauses.delete(pause);
  }
}

/** A partition that was never read starts at 0. Two that make the row at once both find it. */
async function storedPosition(tx: Queryable, consumer: string, { topic, partition }: UpstreamPlace): Promise<number> {
  await tx.query('INSERT INTO position (consumer, topic, partition, next) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING', [consumer, topic, partition]);
  const [{ next }] = await tx.query<{ next: number | string }>('SELECT next FROM position WHERE consumer = $1 AND topic = $2 AND partition = $3', [consumer, topic, partition]);
  return Number(next);
}
