import type { Instant } from './clock';
import type { PartitionState } from './subscriptions';

interface Attempted {
  offset: number;
  time: Instant;
}

/** That the head had this offset was first noticed at this system time. */
interface Mark {
  head: number;
  at: Instant;
}

/** Marks of one partition: those in the middle go when a consumer stands still for very long. */
const MOST_MARKS = 500;

/**
 * How long the oldest event that was not taken yet has been waiting. The log tells offsets, not times; so an event that was
 * attempted counts from its own time, one that waits behind it from when the head was first seen beyond it.
 */
export class ConsumerLag {
  private readonly attempted = new Map<string, Attempted>();
  private readonly marks = new Map<string, Mark[]>();

  /** A handler is about to get this event. */
  attempt(subscription: string, { topic, partition, offset, time }: { topic: string; partition: number; offset: number; time: Instant }): void {
    this.attempted.set(`${subscription}/${topic}/${partition}`, { offset, time });
  }

  /** Seconds by subscription and topic, the partition that is furthest behind. `now` is system time. */
  seconds(partitions: PartitionState[], now: Instant): Map<PartitionState, number> {
    return new Map(partitions.map((place) => [place, this.secondsOf(place, now)]));
  }

  private secondsOf({ subscription, topic, partition, position, head }: PartitionState, now: Instant): number {
    const lane = `${subscription}/${topic}/${partition}`;
    const marks = (this.marks.get(lane) ?? []).filter((mark) => mark.head > position);
    if (head > Math.max(position, marks.at(-1)?.head ?? 0)) marks.push({ head, at: now });
    if (marks.length > MOST_MARKS) marks.splice(1, 1);
    this.marks.set(lane, marks);
    const attempted = this.attempted.get(lane);
    const since = [...(attempted && attempted.offset >= position ? [attempted.time] : []), ...(marks.length > 0 ? [marks[0].at] : [])];
    return since.length === 0 ? 0 : Math.max(0, now - Math.min(...since)) / 1e6;
  }
}
