import type { ServiceName } from '@rhei/contracts';
import type { Around, ConsumerCounters, Delivered } from './delivered';
import type { Batch, EventLog, PartitionPosition, Subscription } from './event-log';
import { reasonOf } from './failure';
import { readEntry, topicsOf } from './incoming';
import type { Logger } from './logger';
import { backOff, Pause } from './pause';

export interface BroadcastConsumerOptions {
  service: ServiceName;
  group: string;
  log: EventLog;
  /** By CloudEvents type. The topics follow from it. */
  handlers: ReadonlyMap<string, (event: Delivered<any>) => Promise<void>>;
  logger: Logger;
  around?: Around;
}

/** A key whose event could not be applied yet; it is tried again until it can. */
export interface FailingKey {
  topic: string;
  key: string;
  offset: number;
  attempts: number;
  reason: string;
}

/** Events of one failing key, the failing one first. */
interface Queue {
  waiting: Delivered[];
  attempts: number;
  reason: string;
  loop?: Promise<void>;
}

/** Attempts before the events of other keys overtake. */
const attemptsInPlace = 3;
/** Events that may wait behind failing keys; then the partitions wait too. */
const mostWaiting = 1000;

/**
 * Gives every event from now on to this replica. No inbox: handlers compare revisions. A handler that fails is tried again
 * with a growing pause, its key waits behind it, other keys go on.
 */
export class BroadcastConsumer {
  readonly counters: ConsumerCounters = { handled: 0, duplicates: 0, skipped: 0, dead: 0, parked: 0, retried: 0 };
  private subscription: Subscription | undefined;
  private stopping = false;
  private readonly pauses = new Set<Pause>();
  /** By `topic/key`. */
  private readonly queues = new Map<string, Queue>();

  constructor(private readonly options: BroadcastConsumerOptions) {}

  /** Resolves when the heads are taken: list the present state after that. `slot` tells the groups of the replicas apart. */
  async start(slot?: number): Promise<void> {
    const { log, handlers } = this.options;
    const group = slot === undefined ? this.options.group : `${this.options.group}.${slot}`;
    this.subscription = await log.subscribeBroadcast({ group, topics: topicsOf(handlers.keys()), onBatch: (batch) => this.take(batch) });
  }

  /** How far everything is applied; behind the head while a key fails. */
  positions(): PartitionPosition[] {
    return (this.subscription?.positions() ?? []).map(({ topic, partition, position }) => {
      const waiting = [...this.queues.values()].map(({ waiting: [first] }) => first).filter((event) => event?.topic === topic && event.partition === partition);
      return { topic, partition, position: Math.min(position, ...waiting.map(({ offset }) => offset)) };
    });
  }

  failing(): FailingKey[] {
    return [...this.queues.values()].map(({ waiting: [{ topic, key, offset }], attempts, reason }) => ({ topic, key, offset, attempts, reason }));
  }

  /** Waits for the event in hand; what still fails is listed again at the next start. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const pause of this.pauses) pause.wake();
    await this.subscription?.stop();
    await Promise.all([...this.queues.values()].map(({ loop }) => loop));
  }

  private async take({ topic, partition, entries }: Batch): Promise<void> {
    for (const entry of entries) {
      if (this.stopping) throw new Error('the consumer stops');
      const incoming = readEntry(entry, topic, partition, (type) => this.options.handlers.has(type));
      const { event, death } = incoming;
      if (event) await this.apply(event);
      else if (death) {
        // Trying again cannot help, and there is no row to keep it in: the next listing brings the state that it carried.
        this.counters.dead++;
        this.options.logger.error({ group: this.options.group, topic, partition, offset: entry.offset, eventId: incoming.id, eventType: incoming.type, key: entry.key, reason: death.reason },
          'event cannot be applied by this version');
      } else this.counters.skipped++;
    }
  }

  private async apply(event: Delivered): Promise<void> {
    const lane = `${event.topic}/${event.key}`;
    const behind = this.queues.get(lane);
    if (behind) {
      behind.waiting.push(event);
      this.counters.parked++;
      while (!this.stopping && this.waiting() > mostWaiting) await this.pause(100);
      return;
    }
    const queue: Queue = { waiting: [event], attempts: 0, reason: '' };
    while (queue.attempts < attemptsInPlace) {
      if (await this.attempt(queue, event)) return;
      if (this.stopping) throw new Error(queue.reason);
      if (queue.attempts < attemptsInPlace) await this.pause(backOff(queue.attempts, 50, 1000));
    }
    this.queues.set(lane, queue);
    queue.loop = this.untilEmpty(lane, queue);
  }

  private async untilEmpty(lane: string, queue: Queue): Promise<void> {
    while (queue.waiting.length > 0) {
      if (queue.attempts > 0) await this.pause(backOff(queue.attempts, 100, 30_000));
      if (this.stopping) return;
      if (await this.attempt(queue, queue.waiting[0])) {
        queue.waiting.shift();
        queue.attempts = 0;
      }
    }
    this.queues.delete(lane);
  }

  private async attempt(queue: Queue, event: Delivered): Promise<boolean> {
    const { handlers, around, logger, group } = this.options;
    try {
      const handle = () => handlers.get(event.type)!(event);
      await (around ? around(event, handle) : handle());
      this.counters.handled++;
      return true;
    } catch (error) {
      queue.attempts++;
      queue.reason = reasonOf(error);
      this.counters.retried++;
      const { topic, partition, offset, id, type, key } = event;
      logger.error({ group, topic, partition, offset, eventId: id, eventType: type, key, attempts: queue.attempts, reason: queue.reason }, 'event was not applied; trying again');
      return false;
    }
  }

  private waiting(): number {
    return [...this.queues.values()].reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  private async pause(milliseconds: number): Promise<void> {
    const pause = new Pause();
    this.pauses.add(pause);
    if (!this.stopping) await pause.wait(milliseconds);
    this.pauses.delete(pause);
  }
}
