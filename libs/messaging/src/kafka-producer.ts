import { unavailable, type TopicName } from '@rhei/contracts';
import type { Entry } from './event-log';
import type { Message, Owned, Producer } from './kafka';
import { asCallersError, isFatalForProducer, isRefusal, rootOf } from './kafka-failure';
import type { Logger } from './logger';
import { answered, Unanswered } from './within';

export interface PartitionProducerOptions {
  topic: TopicName;
  partition: number;
  /** A producer of its own that is not connected yet. */
  open(): Owned<Producer>;
  logger: Logger;
}

/** Milliseconds within which the broker has to have it on all replicas that are in step; less than the request's own limit. */
const ackTimeout = 700;
/** Milliseconds after which a send counts as lost, though the library should have said so long before. */
const patience = 30_000;

/**
 * Appends to one partition, one call after the other, through a producer object of its own.
 *
 * A producer numbers its batches per partition, and takes the number back when a send fails. So the batch of a failed send
 * must go first, on the same object, until it succeeds: another one would get its number, and the broker would take it for
 * a copy and throw it away. This class holds the failed batch and sends it before anything else, whoever calls next. One
 * object for each partition, so that what happens to one (an outage of its leader, a new object after a fatal error) never
 * delays, reorders or repeats what goes to another; a service writes a handful of partitions.
 */
export class PartitionProducer {
  private before: Promise<unknown> = Promise.resolve();
  private producer: Owned<Producer> | undefined;
  /** The batch of the send that failed last and is not known to be stored. */
  private unsure: Entry[] | undefined;
  /** A batch that failed for its caller and was stored when it went first for another call: its repetition is done already. */
  private madeGood: Entry[] | undefined;
  private closed = false;

  constructor(private readonly options: PartitionProducerOptions) {}

  /** Stores the entries in order as one batch. Rejects when they are not known to be stored: repeat the identical call. */
  append(entries: Entry[]): Promise<void> {
    const turn = this.before.then(() => this.take(entries));
    this.before = turn.catch(() => undefined);
    return turn;
  }

  /** Waits for the send in hand. */
  async close(): Promise<void> {
    this.closed = true;
    await this.before;
    await this.drop();
  }

  private get place(): string {
    return `${this.options.topic}/${this.options.partition}`;
  }

  private async take(entries: Entry[]): Promise<void> {
    if (this.closed) throw unavailable(`${this.place}: the event log is closed.`);
    const { unsure, madeGood } = this;
    if (unsure && !same(unsure, entries)) {
      await this.send(unsure);
      this.madeGood = unsure;
    }
    if (madeGood && same(madeGood, entries)) {
      this.madeGood = undefined;
      return;
    }
    await this.send(entries);
  }

  private async send(entries: Entry[]): Promise<void> {
    const { topic, partition, logger } = this.options;
    try {
      const { client } = (this.producer ??= await this.connected());
      const answer = await answered(patience, this.place, client.send({ topic, acks: -1, timeout: ackTimeout, messages: entries.map((entry) => messageOf(entry, partition)) }));
      // A send whose leader moved may resolve without having reached it.
      if (!answer.some((part) => part.topicName === topic && part.partition === partition && part.errorCode === 0)) {
        throw unavailable(`${this.place}: the broker's answer does not name the partition that was sent to.`);
      }
      this.unsure = undefined;
    } catch (error) {
      if (!isRefusal(error)) this.unsure = entries;
      if (isFatalForProducer(error) || error instanceof Unanswered) {
        logger.error({ topic, partition, reason: rootOf(error).message }, 'this producer can no longer be used; a new one goes on, and may store a batch twice');
        await this.drop();
      }
      throw asCallersError(error, this.place);
    }
  }

  private async connected(): Promise<Owned<Producer>> {
    const producer = this.options.open();
    try {
      await answered(patience, this.place, producer.client.connect());
      return producer;
    } catch (error) {
      void producer.close();
      throw error;
    }
  }

  private async drop(): Promise<void> {
    const { producer } = this;
    this.producer = undefined;
    await producer?.close();
  }
}

const messageOf = ({ key, headers, value }: Entry, partition: number): Message => ({
  key, headers, partition, value: Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
});

/** Whether these are the same entries, though perhaps other objects. */
function same(one: Entry[], other: Entry[]): boolean {
  return one === other || (one.length === other.length && one.every((entry, i) =>
    entry.key === other[i].key && entry.headers['ce_id'] === other[i].headers['ce_id'] && Buffer.compare(entry.value, other[i].value) === 0));
}
