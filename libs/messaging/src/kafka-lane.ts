import { reasonOf } from './failure';
import type { KafkaMessage } from './kafka';
import type { Reach } from './kafka-admin';
import type { Logger } from './logger';
import { backOff, Pause } from './pause';

/** What one call of the handler gets at most. */
const mostMessages = 200;
const mostBytes = 4 * 1024 * 1024;
/** Bytes that may wait before no more are fetched. */
const enough = 256 * 1024;

export interface KafkaLaneOptions {
  topic: string;
  partition: number;
  group: string;
  /** Given: asked at each assignment. Absent: the lane knows its own position. */
  positionOf?(topic: string, partition: number): Promise<number>;
  reach(topic: string): Promise<Reach[]>;
  onMessages(topic: string, partition: number, messages: KafkaMessage[]): Promise<void>;
  /** Fetch from this offset from now on. May do nothing while the member is between two assignments. */
  seek(offset: number): void;
  /** No more of this partition is to be fetched, or more again. */
  hold(held: boolean): void;
  logger: Logger;
}

/**
 * One partition in the hands of this member: what was fetched and waits, and the loop that gives it to the handler, one
 * batch after the other, independent of other partitions.
 */
export class KafkaLane {
  /** The next offset to be taken; undefined while it is not known whose it is. */
  position: number | undefined;
  /** When something was last taken or fetched, by the monotonic clock. */
  lastMove = performance.now();
  /** A batch is with the handler, or waits for another try. */
  busy = false;
  /** The next offset to be fetched; undefined while nothing is wanted. */
  private next: number | undefined;
  private assigned = false;
  /** Grows whenever what was fetched is forgotten: what began before that no longer counts. */
  private epoch = 0;
  private waiting: KafkaMessage[] = [];
  private waitingBytes = 0;
  private held = false;
  private stopping = false;
  private readonly wake = new Pause();
  private readonly rest = new Pause();
  private room: (() => void) | undefined;
  private readonly loop: Promise<void>;

  constructor(private readonly options: KafkaLaneOptions, start?: number) {
    if (start !== undefined) this.position = this.next = start;
    this.loop = this.work();
  }

  /** Whether fetched messages are wanted. */
  get accepts(): boolean {
    return this.assigned && this.next !== undefined && !this.stopping;
  }

  /** The partition was given to this member, perhaps once more. Called while the library joins: what it seeks must be sought before this returns. */
  assign(): void {
    this.assigned = true;
    this.lastMove = performance.now();
    if (this.options.positionOf) {
      this.forget();
      this.setHeld(true, true);
    } else {
      // What was fetched before stays good: nobody else reads for this member.
      this.options.seek(this.next!);
      this.setHeld(false, true);
    }
    this.wake.wake();
  }

  /** The partition belongs to somebody else now; the batch in hand is finished. */
  revoke(): void {
    this.assigned = false;
    if (this.options.positionOf) this.forget();
    this.releaseRoom();
  }

  /** Takes what was fetched. Resolves to true when more may be fetched; to false after `patience` milliseconds: the partition is held then. */
  async push(messages: KafkaMessage[], patience: number): Promise<boolean> {
    const wanted = this.wantedOf(messages);
    if (wanted.length === 0) {
      this.restart();
      return false;
    }
    this.next = Number(wanted.at(-1)!.offset) + 1;
    this.waiting.push(...wanted);
    this.waitingBytes += sizeOf(wanted);
    this.lastMove = performance.now();
    this.wake.wake();
    if (this.waitingBytes <= enough) return true;
    const epoch = this.epoch;
    let timer: NodeJS.Timeout | undefined;
    const roomy = await new Promise<boolean>((resolve) => {
      this.room = () => resolve(true);
      timer = setTimeout(() => resolve(false), patience);
    });
    clearTimeout(timer);
    this.room = undefined;
    if (!roomy && epoch === this.epoch && this.waitingBytes > enough) this.setHeld(true);
    return roomy;
  }

  /** Waits for the batch in hand. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wake.wake();
    this.rest.wake();
    this.releaseRoom();
    await this.loop;
  }

  private async work(): Promise<void> {
    let failures = 0;
    while (!this.stopping) {
      const { epoch } = this;
      if (!this.assigned || (this.position !== undefined && this.waiting.length === 0)) {
        this.busy = false;
        await this.wake.wait();
        continue;
      }
      this.busy = true;
      try {
        if (this.position === undefined) await this.locate(epoch);
        else {
          await this.give(epoch);
          failures = 0;
        }
      } catch (error) {
        if (this.stopping) return;
        if (epoch !== this.epoch) continue;
        failures++;
        const { topic, partition, group, logger } = this.options;
        logger.warn({ group, topic, partition, reason: reasonOf(error), failures }, 'batch was not taken; it comes again');
        this.restart();
        await this.rest.wait(backOff(failures, 100, 5000));
      }
    }
  }

  /** Asks the consumer where to read on, and looks whether the log reaches so far. */
  private async locate(epoch: number): Promise<void> {
    const { topic, partition, group, positionOf, reach, logger } = this.options;
    const position = await positionOf!(topic, partition);
    const at = (await reach(topic))[partition];
    if (epoch !== this.epoch || this.stopping) return;
    if (!at) throw new Error(`${topic}/${partition} is not in the log.`);
    if (position > at.high) {
      logger.error({ group, topic, partition, position, head: at.high }, 'the log ends before what was read of it: the topic was deleted and made again, or the broker has lost entries');
      throw new Error(`${topic}/${partition}: read up to ${position}, but the log ends at ${at.high}. Restore the topic; or, when what it held is no longer wanted, set "next" to ${at.low} in the table "position" for consumer "${group}".`);
    }
    if (position < at.low && position > 0) {
      logger.error({ group, topic, partition, position, oldest: at.low }, 'entries were removed from the log before they were read');
    }
    this.position = position;
    this.next = Math.max(position, at.low);
    this.options.seek(this.next);
    this.setHeld(false);
  }

  private async give(epoch: number): Promise<void> {
    const { topic, partition, onMessages } = this.options;
    const messages = this.slice();
    await onMessages(topic, partition, messages);
    if (epoch !== this.epoch) return;
    const size = sizeOf(messages);
    this.waiting.splice(0, messages.length);
    this.waitingBytes -= size;
    this.position = Number(messages.at(-1)!.offset) + 1;
    this.lastMove = performance.now();
    if (this.waitingBytes <= enough) {
      this.releaseRoom();
      if (this.held) this.setHeld(false);
    }
  }

  /** What of it was not fetched before. All of it is older when the log is not what it was: the library then goes back to the oldest entry by itself. */
  private wantedOf(messages: KafkaMessage[]): KafkaMessage[] {
    if (Number(messages[0].offset) >= this.next!) return messages;
    const wanted = messages.filter(({ offset }) => Number(offset) >= this.next!);
    if (wanted.length > 0 || this.options.positionOf) return wanted;
    const { topic, partition, group, logger } = this.options;
    logger.error({ group, topic, partition, position: this.next, got: Number(messages[0].offset) }, 'the log was made again, or has lost entries; reading on from its start');
    return messages;
  }

  private slice(): KafkaMessage[] {
    let count = 0;
    for (let bytes = 0; count < this.waiting.length && count < mostMessages; count++) {
      bytes += this.waiting[count].value?.length ?? 0;
      if (bytes > mostBytes && count > 0) break;
    }
    return this.waiting.slice(0, count);
  }

  /** Nothing that was fetched counts: it comes again from the position. */
  private restart(): void {
    const { position } = this;
    this.forget();
    if (this.options.positionOf) this.setHeld(true);
    else {
      this.position = this.next = position!;
      this.options.seek(this.next);
      this.setHeld(false);
    }
    this.wake.wake();
  }

  private forget(): void {
    this.epoch++;
    this.position = this.next = undefined;
    this.waiting = [];
    this.waitingBytes = 0;
    this.releaseRoom();
  }

  private setHeld(held: boolean, always = false): void {
    if (this.held === held && !always) return;
    this.held = held;
    this.options.hold(held);
  }

  private releaseRoom(): void {
    this.room?.();
  }
}

const sizeOf = (messages: KafkaMessage[]): number => messages.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0) + 300, 0);
