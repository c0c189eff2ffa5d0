import { topics as topicRows, type TopicName } from '@rhei/contracts';
import type { Batch, PartitionPosition, StoredEntry, Subscription } from './event-log';
import { reasonOf } from './failure';
import type { Logger } from './logger';
import { backOff, Pause } from './pause';
import { wakeChannel, type Heads, type Wake } from './postgres-wake';
import { Session } from './session';

const mostEntries = 200;
const mostBytes = 4 * 1024 * 1024;

// The first entry comes whatever its size.
const readSql = `
SELECT "offset", key, headers, payload AS value FROM (
  SELECT *, sum(length(payload)) OVER (ORDER BY "offset") - length(payload) AS before
  FROM event WHERE topic = $1 AND partition = $2 AND "offset" >= $3 ORDER BY "offset" LIMIT ${mostEntries}
) AS next WHERE before < ${mostBytes} ORDER BY "offset"`;
const headsSql = 'SELECT topic, partition, next FROM partition WHERE topic = ANY($1)';
const takeSql = `
SELECT topic, partition FROM unnest($2::text[], $3::int[]) AS wanted(topic, partition)
WHERE pg_try_advisory_lock(hashtextextended('rhei.log.group ' || $1 || ' ' || topic || '/' || partition, 0))`;

export interface PostgresSubscriptionOptions {
  group: string;
  topics: TopicName[];
  onBatch(batch: Batch): Promise<void>;
  /** Given: shared, partitions are owned. Absent: broadcast, every partition is read from its head. */
  positionOf?(topic: TopicName, partition: number): Promise<number>;
  url: string;
  logger: Logger;
  poll: number;
  wake: Wake;
  stopped(): void;
}

/** One partition: where we read it, and the loop that does. */
interface Lane {
  topic: TopicName;
  partition: number;
  /** The session that holds the partition's lock, if this member owns it. Reads run on it: an answer proves ownership. */
  session?: Session;
  /** Unknown until the consumer has been asked. */
  position?: number;
  head: number;
  /** Ends when the partition has grown. */
  pause: Pause;
  /** The wait after a failure, which growth does not shorten. */
  rest: Pause;
  loop?: Promise<void>;
}

/** A member of a shared group, or one broadcast reader: takes partitions, reads them as the log grows, finds back after a lost connection. */
export class PostgresSubscription implements Subscription {
  private readonly lanes: Map<string, Lane>;
  private session: Session | undefined;
  private stopping = false;
  private readonly tick = new Pause();
  private ticking: Promise<void> | undefined;
  private deaf: (() => void) | undefined;

  constructor(private readonly options: PostgresSubscriptionOptions) {
    const lanes = options.topics.flatMap((topic) =>
      Array.from({ length: topicRows[topic].partitions }, (_, partition): Lane => ({ topic, partition, head: 0, pause: new Pause(), rest: new Pause() })),
    );
    this.lanes = new Map(lanes.map((lane) => [`${lane.topic}/${lane.partition}`, lane]));
  }

  async start(): Promise<void> {
    this.deaf = this.options.wake.listen((heads) => this.grown(heads));
    try {
      await this.connect();
    } catch (error) {
      this.deaf();
      throw error;
    }
    this.ticking = this.look();
  }

  positions(): PartitionPosition[] {
    return [...this.lanes.values()]
      .filter(({ session, position }) => position !== undefined && (session?.alive || !this.options.positionOf))
      .map(({ topic, partition, position }) => ({ topic, partition, position: position! }));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.deaf?.();
    this.tick.wake();
    this.wakeLanes();
    await this.ticking;
    await Promise.all([...this.lanes.values()].map(({ loop }) => loop));
    await this.session?.close();
    this.options.stopped();
  }

  private wakeLanes(): void {
    for (const { pause, rest } of this.lanes.values()) {
      pause.wake();
      rest.wake();
    }
  }

  private get about() {
    return { group: this.options.group };
  }

  private async connect(): Promise<void> {
    const session = await Session.open(this.options.url, { name: `rhei log ${this.options.group}`, logger: this.options.logger });
    try {
      await session.listen(wakeChannel, (payload) => this.grown(this.options.wake.heard(payload)));
      session.onLost(() => {
        this.wakeLanes();
        this.tick.wake();
      });
      this.session = session;
      await this.readHeads(session);
      await this.takeFree(session);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Looks from time to time, for what no wake-up told: growth, partitions that became free, a lost connection. */
  private async look(): Promise<void> {
    let failures = 0;
    while (!this.stopping) {
      await this.tick.wait(failures === 0 ? this.options.poll : backOff(failures, 100, 5000));
      if (this.stopping) return;
      try {
        if (this.session?.alive) {
          await this.readHeads(this.session);
          await this.takeFree(this.session);
        } else {
          await this.connect();
          this.options.logger.info(this.about, 'subscription is connected to the event log again');
        }
        failures = 0;
      } catch (error) {
        failures++;
        if (failures % 20 === 1) this.options.logger.warn({ ...this.about, reason: reasonOf(error) }, 'subscription cannot reach the event log; trying again');
      }
    }
  }

  private async readHeads(session: Session): Promise<void> {
    const rows = await session.query<{ topic: string; partition: number; next: number }>('heads', headsSql, [this.options.topics]);
    this.grown(new Map(rows.map(({ topic, partition, next }) => [`${topic}/${partition}`, next])));
  }

  private grown(heads: Heads): void {
    for (const [name, head] of heads) {
      const lane = this.lanes.get(name);
      if (!lane || head <= lane.head) continue;
      lane.head = head;
      lane.pause.wake();
    }
  }

  private async takeFree(session: Session): Promise<void> {
    // A lane whose loop still runs finishes its batch first: two loops of one partition would read it twice.
    const free = [...this.lanes.values()].filter(({ loop }) => !loop);
    if (free.length === 0) return;
    if (!this.options.positionOf) {
      for (const lane of free) {
        lane.position ??= lane.head;
        this.begin(lane, session);
      }
      return;
    }
    const taken = await session.query<{ topic: string; partition: number }>('take', takeSql, [
      this.options.group,
      free.map(({ topic }) => topic),
      free.map(({ partition }) => partition),
    ]);
    for (const { topic, partition } of taken) {
      const lane = this.lanes.get(`${topic}/${partition}`)!;
      lane.position = undefined;
      this.begin(lane, session);
    }
  }

  private begin(lane: Lane, session: Session): void {
    lane.session = session;
    lane.loop = this.read(lane, session).finally(() => {
      lane.loop = undefined;
      lane.session = undefined;
    });
  }

  private async read(lane: Lane, session: Session): Promise<void> {
    const { topic, partition } = lane;
    const { positionOf, onBatch, logger } = this.options;
    let failures = 0;
    while (!this.stopping && session.alive) {
      try {
        const position = (lane.position ??= await positionOf!(topic, partition));
        if (position >= lane.head) {
          failures = 0;
          await lane.pause.wait();
          continue;
        }
        const entries = await session.query<StoredEntry>('read', readSql, [topic, partition, position]);
        if (entries.length === 0) {
          // All that was there has been trimmed; the next entry tells.
          await lane.pause.wait(this.options.poll);
          continue;
        }
        await onBatch({ topic, partition, entries });
        lane.position = entries.at(-1)!.offset + 1;
        failures = 0;
      } catch (error) {
        if (this.stopping || !session.alive) return;
        failures++;
        logger.warn({ ...this.about, topic, partition, reason: reasonOf(error), failures }, 'batch was not taken; it comes again');
        // The consumer may have got further than we believe, or another member may have.
        if (positionOf) lane.position = undefined;
        await lane.rest.wait(backOff(failures, 100, 5000));
      }
    }
  }
}
