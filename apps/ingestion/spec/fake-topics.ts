import { notFound } from '@rhei/contracts';
import type { EventLog, Subscription, UpstreamRecord, UpstreamSubscriptionOptions } from '@rhei/messaging';

interface Member extends UpstreamSubscriptionOptions {
  stopped: boolean;
  busy: Promise<void>;
}

/**
 * Topics of others in memory, in the port's shape: partitions go to one member of a group at a time, each is read from
 * where the member says, and a batch that was not taken comes again. `kill` is the end of a process: no batch is finished.
 */
export class FakeTopics {
  private readonly topics = new Map<string, UpstreamRecord[][]>();
  private readonly members: Member[] = [];
  /** Records in a batch, at most. */
  batch = 3;

  create(topic: string, partitions = 1): void {
    this.topics.set(topic, Array.from({ length: partitions }, () => []));
  }

  /** Returns the offset. With `gap` the ones before it were compacted away. */
  write(topic: string, record: Omit<UpstreamRecord, 'offset'>, { partition = 0, gap = 0 } = {}): number {
    const records = this.topics.get(topic)![partition];
    const offset = (records.at(-1)?.offset ?? -1) + 1 + gap;
    records.push({ ...record, offset });
    return offset;
  }

  get subscribed(): string[] {
    return this.members.filter(({ stopped }) => !stopped).map(({ topic }) => topic).sort();
  }

  /** The door of one process. */
  door(): Required<Pick<EventLog, 'subscribeUpstream'>> & { kill(): void } {
    const own: Member[] = [];
    return {
      subscribeUpstream: async (options): Promise<Subscription> => {
        const partitions = this.topics.get(options.topic);
        if (!partitions) throw notFound(`Topic "${options.topic}" is not there.`);
        const member: Member = { ...options, stopped: false, busy: Promise.resolve() };
        this.members.push(member);
        own.push(member);
        member.busy = Promise.all(partitions.map((_, partition) => this.serve(member, partition))).then(() => undefined);
        return { positions: () => [], stop: async () => { member.stopped = true; await member.busy; } };
      },
      kill: () => own.forEach((member) => (member.stopped = true)),
    };
  }

  private async serve(member: Member, partition: number): Promise<void> {
    const records = this.topics.get(member.topic)![partition];
    let next: number | undefined;
    while (!member.stopped) {
      // The first living member of the group has the partition.
      const owner = this.members.find(({ group, stopped }) => group === member.group && !stopped);
      const waiting = owner === member ? records : [];
      next = waiting.length === 0 ? next : (next ?? (await member.positionOf(partition)));
      const batch = waiting.filter(({ offset }) => offset >= (next ?? 0)).slice(0, this.batch);
      if (batch.length === 0) {
        await sleep(5);
        continue;
      }
      try {
        await member.onBatch({ partition, records: batch });
        next = batch.at(-1)!.offset + 1;
      } catch {
        next = undefined;
        await sleep(20);
      }
    }
  }
}

// A spec that failed leaves its members behind: they must not keep the process.
const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, milliseconds).unref());
