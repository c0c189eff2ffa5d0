import type { TopicName } from '@rhei/contracts';

/** One entry of a partition as it is written: a key, CloudEvents headers (`ce_id`, `ce_type`, …, `traceparent`) and bytes. */
export interface Entry {
  key: string;
  headers: Record<string, string>;
  value: Uint8Array;
}

/** One entry as it is read back. Offsets of a partition grow by one without gaps, in the order of commits. */
export interface StoredEntry extends Entry {
  offset: number;
}

export interface Batch {
  topic: TopicName;
  partition: number;
  /** Ascending by offset, never empty. */
  entries: StoredEntry[];
}

export interface PartitionPosition {
  topic: TopicName;
  partition: number;
  /** The next offset that will be read. */
  position: number;
}

/**
 * The port to the log that carries the events between services.
 *
 * What it promises (`event-log.contract.ts` is the long form): entries of one partition are read in the order in which
 * they were appended; an append that resolved is durable; a shared group gives a partition to one member at a time; a
 * broadcast subscription sees everything appended after it was started. What it does not promise: an entry may be
 * stored or delivered twice (the inbox decides), and nothing holds between partitions.
 */
export interface EventLog {
  /** Appends to one partition, in order. Rejects when it is not known to be stored: the caller repeats the identical call first. */
  append(topic: TopicName, partition: number, entries: Entry[]): Promise<void>;
  /** The next offset to be written, for each partition of the topic. */
  heads(topic: TopicName): Promise<number[]>;
  subscribeShared(options: SharedSubscriptionOptions): Promise<Subscription>;
  subscribeBroadcast(options: BroadcastSubscriptionOptions): Promise<Subscription>;
  /** Reads a topic that an upstream system writes. Absent where nobody outside can reach the log. */
  subscribeUpstream?(options: UpstreamSubscriptionOptions): Promise<Subscription>;
  /**
   * Waits until the log answers and looks whether it is set up as the events need it; the signal ends the waiting. Absent
   * where nothing can be set up wrongly. Errors: `invalid` and `forbidden`, saying what to do.
   */
  ready?(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface SharedSubscriptionOptions {
  /** Members of one group share the partitions, e.g. `feature.on-record-accepted`. */
  group: string;
  topics: TopicName[];
  /** Where to read from when a partition is given to this member: the consumer's own high-water mark, kept with its effects. */
  positionOf(topic: TopicName, partition: number): Promise<number>;
  /**
   * Takes the batch; the next one of the partition comes when this resolves. A rejection means that nothing of the batch
   * counts as read: it is delivered again after a pause.
   */
  onBatch(batch: Batch): Promise<void>;
}

/** What an upstream system wrote: nothing about it can be trusted, and it may have no key and no value. */
export interface UpstreamRecord {
  offset: number;
  key: Uint8Array | null;
  headers: Record<string, Uint8Array>;
  value: Uint8Array | null;
}

export interface UpstreamSubscriptionOptions {
  /** Members of one group share the partitions. */
  group: string;
  /** A topic that `topics.ts` does not name. */
  topic: string;
  /** Where to read from when a partition is given to this member. */
  positionOf(partition: number): Promise<number>;
  /** As for a shared subscription; records ascend by offset, with gaps where the topic was compacted. */
  onBatch(batch: { partition: number; records: UpstreamRecord[] }): Promise<void>;
}

export interface BroadcastSubscriptionOptions {
  group: string;
  topics: TopicName[];
  onBatch(batch: Batch): Promise<void>;
}

export interface Subscription {
  /** The partitions that this member holds now, and how far it has read. */
  positions(): PartitionPosition[];
  /** Stops reading, waits for the batch in hand, gives the partitions back. */
  stop(): Promise<void>;
}
