import { reasonOf } from './failure';
import type { Reach } from './kafka-admin';
import type { Logger } from './logger';

/** One partition that this member holds. */
export interface WatchedLane {
  topic: string;
  partition: number;
  position: number | undefined;
  /** A batch is with the handler, or waits for another try: that is no silence of the library. */
  busy: boolean;
  /** By the monotonic clock, ms. */
  lastMove: number;
}

export interface WatchdogOptions {
  group: string;
  /** Milliseconds of silence that are too long. */
  limit: number;
  /** When the library last asked a broker for entries, by the monotonic clock. */
  lastFetch(): number;
  lanes(): WatchedLane[];
  /** Rejects while no broker answers: silence is no wonder then. */
  reach(topic: string): Promise<Reach[]>;
  topics: string[];
  onFatal(reason: string): void;
  logger: Logger;
  now?(): number;
}

/**
 * Notices a consumer that has stopped without a word, or that does not move although there is something to read. Nothing
 * inside the process can be trusted to start such a one again, so the process has to end.
 */
export class Watchdog {
  private timer: NodeJS.Timeout | undefined;
  /** Since when it could have worked: the broker answered. */
  private since: number;
  private looking = false;

  constructor(private readonly options: WatchdogOptions) {
    this.since = this.now();
  }

  start(): void {
    this.timer = setInterval(() => void this.look(), this.options.limit / 4);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      const reason = await this.reasonToEnd();
      if (reason === undefined) return;
      this.stop();
      this.options.onFatal(reason);
    } catch (error) {
      this.since = this.now();
      this.options.logger.debug({ group: this.options.group, reason: reasonOf(error) }, 'the broker does not answer; the consumer is not blamed for its silence');
    } finally {
      this.looking = false;
    }
  }

  private async reasonToEnd(): Promise<string | undefined> {
    const { group, topics, limit, lastFetch, lanes, reach } = this.options;
    const silent = (last: number): boolean => this.now() - Math.max(last, this.since) > limit;
    const seconds = Math.round(limit / 1000);
    if (silent(lastFetch())) {
      await Promise.all(topics.map(reach));
      return `Consumer "${group}" has asked for nothing for ${seconds} s although the broker answers.`;
    }
    for (const { topic, partition } of lanes().filter(({ busy, lastMove }) => !busy && silent(lastMove))) {
      const head = (await reach(topic))[partition]?.high ?? 0;
      // Looked at again after the question: it may have moved meanwhile.
      const lane = lanes().find((one) => one.topic === topic && one.partition === partition);
      if (lane?.position !== undefined && !lane.busy && silent(lane.lastMove) && lane.position < head) {
        return `Consumer "${group}" stands at ${topic}/${partition}@${lane.position} for ${seconds} s although the log goes on to ${head}.`;
      }
    }
    return undefined;
  }

  private now(): number {
    return (this.options.now ?? (() => performance.now()))();
  }
}
