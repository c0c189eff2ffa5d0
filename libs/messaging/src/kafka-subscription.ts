import { setTimeout as sleep } from 'node:timers/promises';
import type { Subscription, PartitionPosition } from './event-log';
import { reasonOf } from './failure';
import type { Consumer, EachBatchPayload, KafkaMessage, Owned } from './kafka';
import type { Reach } from './kafka-admin';
import { asCallersError, isRefusal, tellingReason } from './kafka-failure';
import { KafkaLane } from './kafka-lane';
import { Watchdog } from './kafka-watchdog';
import type { Logger } from './logger';
import { backOff } from './pause';
import { answered, within } from './within';

export interface KafkaSubscriptionOptions {
  group: string;
  topics: string[];
  /** Given: the group shares the partitions, and this is asked at each assignment. Absent: this member reads everything from the heads on. */
  positionOf?(topic: string, partition: number): Promise<number>;
  onMessages(topic: string, partition: number, messages: KafkaMessage[]): Promise<void>;
  /** A consumer with connections of its own. */
  open(): Owned<Consumer>;
  reach(topic: string): Promise<Reach[]>;
  logger: Logger;
  /** Milliseconds of silence after which the process has to end. */
  watch: number;
  onFatal(reason: string): void;
  stopped(): void;
}

/** Milliseconds for which other partitions of a broker wait for one whose handler is slow, before that one is held. */
const patience = 100;
/** Milliseconds within which a consumer must have found the broker and its topics. */
const patienceToJoin = 30_000;
/** Milliseconds between two messages to the broker about how far we are; only tools that show lag read them. */
const tellEvery = 5_000;

/**
 * A member of a consumer group. The consumer's own positions decide where each partition is read, at every assignment; what
 * Kafka has committed for the group is never read back. Handlers run beside the library's loop, so that it goes on fetching
 * other partitions and saying that it lives, however long they take.
 */
export class KafkaSubscription implements Subscription {
  private readonly lanes = new Map<string, KafkaLane>();
  private readonly assigned = new Set<string>();
  private readonly told = new Map<string, number>();
  private readonly watchdog: Watchdog;
  private consumer: Owned<Consumer> | undefined;
  private running: Promise<void> = Promise.resolve();
  private lastFetch = performance.now();
  private stopping = false;
  private telling: NodeJS.Timeout | undefined;

  constructor(private readonly options: KafkaSubscriptionOptions) {
    const { group, topics, watch, reach, logger } = options;
    this.watchdog = new Watchdog({
      group, topics, limit: watch, reach, logger,
      lastFetch: () => this.lastFetch,
      lanes: () => this.held().map(({ topic, partition, lane: { position, busy, lastMove } }) => ({ topic, partition, position, busy, lastMove })),
      onFatal: (reason) => this.fail(reason),
    });
  }

  /** Takes the heads, for a member that reads everything, and connects. The group may take a while to give partitions: that is not waited for. */
  async start(): Promise<void> {
    const { topics, positionOf, reach, group } = this.options;
    if (!positionOf) {
      for (const topic of topics) (await reach(topic)).forEach(({ high }, partition) => this.laneOf(topic, partition, high));
    }
    try {
      await this.join();
    } catch (error) {
      this.stopping = true;
      await Promise.all([...this.lanes.values()].map((lane) => lane.stop()));
      throw asCallersError(error, `group "${group}" on ${topics.join(', ')}`);
    }
    this.telling = setInterval(() => void this.tell(), tellEvery);
    this.telling.unref();
    this.watchdog.start();
  }

  positions(): PartitionPosition[] {
    return this.held().flatMap(({ topic, partition, lane: { position } }) => (position === undefined ? [] : [{ topic: topic as PartitionPosition['topic'], partition, position }]));
  }

  /** Finishes the batches in hand, tells the broker how far we are, and leaves the group. */
  async stop(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    this.watchdog.stop();
    clearInterval(this.telling);
    await Promise.all([...this.lanes.values()].map((lane) => lane.stop()));
    await within(1_000, this.tell());
    // The library cannot be stopped while it joins: it would go on afterwards.
    await within(3_000, this.running);
    await this.consumer?.close();
    this.options.stopped();
  }

  private async join(): Promise<void> {
    const consumer = this.options.open();
    const { client } = consumer;
    this.listenTo(consumer);
    try {
      await answered(patienceToJoin, `group "${this.options.group}"`, client.connect().then(() => client.subscribe({ topics: this.options.topics, fromBeginning: true })));
    } catch (error) {
      void consumer.close();
      throw error;
    }
    if (this.stopping) return consumer.close();
    this.consumer = consumer;
    this.running = client.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 32,
      eachBatch: (payload) => this.take(payload),
    }).catch((error: unknown) => this.crashed(consumer, error));
  }

  /** The library restarts none of the consumers that it gives up: some errors that pass count as final there, and an object that was stopped may go on. */
  private crashed(consumer: Owned<Consumer>, error: unknown): void {
    if (this.stopping || this.consumer !== consumer) return;
    const { group, logger } = this.options;
    this.consumer = undefined;
    this.revoke(() => true);
    void consumer.close();
    logger[isRefusal(error) ? 'error' : 'warn']({ group, reason: tellingReason(error) }, 'the consumer gave up; a new one takes its place');
    void this.joinAgain();
  }

  /** Until it succeeds. The watchdog ends the process if the broker answers and this does not. */
  private async joinAgain(): Promise<void> {
    for (let failures = 1; !this.stopping; failures++) {
      await sleep(backOff(failures, 200, 2_000));
      if (this.stopping) return;
      try {
        return await this.join();
      } catch (error) {
        this.options.logger.debug({ group: this.options.group, reason: tellingReason(error) }, 'the broker does not take the new consumer yet');
      }
    }
  }

  private listenTo(consumer: Owned<Consumer>): void {
    const { client } = consumer;
    const { GROUP_JOIN, REBALANCING, FETCH, CRASH } = client.events;
    client.on(GROUP_JOIN, ({ payload: { memberAssignment } }) => this.joined(consumer, memberAssignment));
    client.on(REBALANCING, () => {
      this.lastFetch = performance.now();
      if (this.options.positionOf) this.revoke(() => true);
    });
    client.on(FETCH, () => void (this.lastFetch = performance.now()));
    client.on(CRASH, ({ payload: { error } }) => this.crashed(consumer, error));
  }

  /** The library calls this before it fetches: what is sought and held here holds for the first fetch. So nothing is awaited. */
  private joined(consumer: Owned<Consumer>, assignment: Record<string, number[]>): void {
    this.lastFetch = performance.now();
    if (this.stopping || this.consumer !== consumer) {
      void consumer.close();
      return;
    }
    const mine = new Set(Object.entries(assignment).flatMap(([topic, partitions]) => partitions.map((partition) => `${topic}/${partition}`)));
    this.revoke((name) => !mine.has(name));
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) {
        this.assigned.add(`${topic}/${partition}`);
        this.laneOf(topic, partition, 0).assign();
      }
    }
    const { group, positionOf, logger } = this.options;
    logger.debug({ group, partitions: [...mine] }, 'partitions were assigned');
    const missing = positionOf ? [] : [...this.lanes.keys()].filter((name) => !mine.has(name));
    if (missing.length > 0) logger.error({ group, missing }, 'another member is in the group of this replica: it must be the only one, or it misses what goes to the other');
  }

  private revoke(which: (name: string) => boolean): void {
    for (const [name, lane] of this.lanes) {
      if (!which(name)) continue;
      this.assigned.delete(name);
      lane.revoke();
    }
  }

  private async take({ batch: { topic, partition, messages }, resolveOffset, isStale }: EachBatchPayload): Promise<void> {
    const lane = this.lanes.get(`${topic}/${partition}`);
    if (!lane?.accepts || isStale() || messages.length === 0) return;
    const last = messages.at(-1)!.offset;
    const taken = lane.push(messages, patience);
    resolveOffset(last);
    await taken;
  }

  private laneOf(topic: string, partition: number, start: number): KafkaLane {
    const name = `${topic}/${partition}`;
    const known = this.lanes.get(name);
    if (known) return known;
    const { group, positionOf, reach, onMessages, logger } = this.options;
    const lane = new KafkaLane({
      topic, partition, group, reach, onMessages, logger, ...(positionOf && { positionOf }),
      seek: (offset) => this.steer((consumer) => consumer.seek({ topic, partition, offset: String(offset) })),
      hold: (held) => this.steer((consumer) => consumer[held ? 'pause' : 'resume']([{ topic, partitions: [partition] }])),
    }, positionOf ? undefined : start);
    this.lanes.set(name, lane);
    return lane;
  }

  /** Between two lives of the consumer there is nothing to steer; the next assignment sets everything again. */
  private steer(act: (consumer: Consumer) => void): void {
    try {
      if (this.consumer) act(this.consumer.client);
    } catch (error) {
      this.options.logger.debug({ group: this.options.group, reason: reasonOf(error) }, 'the consumer is between two assignments');
    }
  }

  private held(): { topic: string; partition: number; lane: KafkaLane }[] {
    return [...this.lanes].filter(([name]) => this.assigned.has(name) || !this.options.positionOf).map(([name, lane]) => {
      const slash = name.lastIndexOf('/');
      return { topic: name.slice(0, slash), partition: Number(name.slice(slash + 1)), lane };
    });
  }

  private async tell(): Promise<void> {
    const news = this.positions().filter(({ topic, partition, position }) => this.told.get(`${topic}/${partition}`) !== position);
    if (news.length === 0) return;
    try {
      await this.consumer?.client.commitOffsets(news.map(({ topic, partition, position }) => ({ topic, partition, offset: String(position) })));
      for (const { topic, partition, position } of news) this.told.set(`${topic}/${partition}`, position);
    } catch (error) {
      this.options.logger.debug({ group: this.options.group, reason: tellingReason(error) }, 'the broker was not told how far the group is');
    }
  }

  private fail(reason: string): void {
    if (this.stopping) return;
    this.watchdog.stop();
    this.options.onFatal(reason);
  }
}
