import { events, forbidden, notFound, topics as topicRows, type ServiceName, type TopicName } from '@rhei/contracts';
import { BrokerCheck } from './broker-check';
import type { Batch, BroadcastSubscriptionOptions, Entry, EventLog, SharedSubscriptionOptions, StoredEntry, Subscription, UpstreamSubscriptionOptions } from './event-log';
import { adminClient, consumerClient, consumerRetry, openClient, producerClient, type Consumer, type KafkaMessage, type Owned, type Producer } from './kafka';
import { KafkaAdmin } from './kafka-admin';
import { entryReader, recordOf } from './kafka-messages';
import { PartitionProducer } from './kafka-producer';
import { KafkaSubscription } from './kafka-subscription';
import { parseKafkaUrl, type KafkaAddress } from './kafka-url';
import type { Logger } from './logger';

export interface KafkaLogOptions {
  /** `kafka://user:password@host:9092,host2:9092?sasl=scram-sha-512&tls=true&ca=/path`; see kafka-url.ts. */
  url: string;
  /** Which service speaks. The broker knows it by its user; without users this is what refuses. */
  service: ServiceName;
  logger: Logger;
  /** Something inside this process cannot be trusted any more: it has to end, and to be started again. */
  onFatal(reason: string): void;
  /** Milliseconds for which a consumer may stand still while there is something to read. Default 60,000. */
  watch?: number;
}

/** What each service may say, by topic. */
const sayable = (service: ServiceName, topic: TopicName): Set<string> =>
  new Set(Object.values(events).filter((event) => event.from === service && event.topic === topic).map(({ type }) => type));

/** The event log on Kafka. Topics and rights are made by {@link applyTopics}, never here. */
export class KafkaEventLog implements EventLog {
  private readonly address: KafkaAddress;
  private readonly admin: KafkaAdmin;
  private readonly producers = new Map<string, PartitionProducer>();
  private readonly subscriptions = new Set<KafkaSubscription>();

  /** Errors: `invalid` for a URL that is none. */
  constructor(private readonly options: KafkaLogOptions) {
    this.address = parseKafkaUrl(options.url);
    this.admin = new KafkaAdmin(() => openClient(this.address, `rhei ${options.service}`, options.logger, adminClient, (kafka) => kafka.admin()));
  }

  /** Errors: `forbidden` (the service may not say this), `not_found` (no such partition), `too_large`, `unavailable` (not known to be stored). */
  async append(topic: TopicName, partition: number, entries: Entry[]): Promise<void> {
    if (entries.length === 0) return;
    this.refuse(topic, partition, entries);
    await this.producerOf(topic, partition).append(entries);
  }

  async heads(topic: TopicName): Promise<number[]> {
    return (await this.admin.reach(topic)).map(({ high }) => high);
  }

  async subscribeShared({ group, topics, positionOf, onBatch }: SharedSubscriptionOptions): Promise<Subscription> {
    return this.subscribe(group, topics, asBatches(onBatch), positionOf as (topic: string, partition: number) => Promise<number>);
  }

  async subscribeBroadcast({ group, topics, onBatch }: BroadcastSubscriptionOptions): Promise<Subscription> {
    return this.subscribe(group, topics, asBatches(onBatch));
  }

  async subscribeUpstream({ group, topic, positionOf, onBatch }: UpstreamSubscriptionOptions): Promise<Subscription> {
    return this.subscribe(group, [topic], (_topic, partition, messages) => onBatch({ partition, records: messages.map(recordOf) }), (_topic, partition) => positionOf(partition));
  }

  /**
   * Waits until the broker answers, and looks whether it is set up as the events need it. What only weakens the promises is logged.
   * Errors: `invalid` when topics are missing or have other numbers of partitions, `forbidden` when the broker refuses this user.
   */
  async ready(signal?: AbortSignal): Promise<void> {
    await new BrokerCheck(this.admin, this.options.url, this.options.logger).pass(signal);
  }

  async close(): Promise<void> {
    await Promise.all([...this.subscriptions].map((subscription) => subscription.stop()));
    await Promise.all([...this.producers.values()].map((producer) => producer.close()));
    await this.admin.close();
  }

  private refuse(topic: TopicName, partition: number, entries: Entry[]): void {
    const partitions = topicRows[topic]?.partitions ?? 0;
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) {
      throw notFound(`Partition ${topic}/${partition} is not in the log: topics.ts gives the topic ${partitions} partitions.`);
    }
    const { service } = this.options;
    const allowed = sayable(service, topic);
    const wrong = entries.find(({ headers }) => !allowed.has(headers['ce_type'] ?? ''));
    if (wrong) throw forbidden(`Service "${service}" may not say event "${wrong.headers['ce_type'] ?? 'without ce_type'}" on topic "${topic}": topics.ts names no such row.`);
  }

  private producerOf(topic: TopicName, partition: number): PartitionProducer {
    const name = `${topic}/${partition}`;
    let producer = this.producers.get(name);
    if (!producer) this.producers.set(name, (producer = new PartitionProducer({ topic, partition, logger: this.options.logger, open: () => this.openProducer() })));
    return producer;
  }

  private openProducer(): Owned<Producer> {
    const { service, logger } = this.options;
    return openClient(this.address, `rhei ${service}`, logger, producerClient, (kafka) => kafka.producer({
      idempotent: this.address.idempotent,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => ({ message }) => message.partition!,
      retry: producerClient.retry,
    }));
  }

  private openConsumer(group: string): Owned<Consumer> {
    const { service, logger } = this.options;
    const { session } = this.address;
    return openClient(this.address, `rhei ${service}`, logger, consumerClient, (kafka) => kafka.consumer({
      groupId: group,
      allowAutoTopicCreation: false,
      sessionTimeout: session,
      heartbeatInterval: Math.min(1_000, session / 5),
      rebalanceTimeout: Math.min(30_000, 3 * session),
      maxWaitTimeInMs: 250,
      retry: { ...consumerRetry, restartOnFailure: async () => false },
    }));
  }

  private async subscribe(
    group: string, topics: string[], onMessages: (topic: string, partition: number, messages: KafkaMessage[]) => Promise<void>,
    positionOf?: (topic: string, partition: number) => Promise<number>,
  ): Promise<Subscription> {
    const { logger, onFatal, watch = 60_000 } = this.options;
    const subscription = new KafkaSubscription({
      group, topics, onMessages, logger, onFatal, watch, ...(positionOf && { positionOf }),
      open: () => this.openConsumer(group),
      reach: (topic) => this.admin.reach(topic),
      stopped: () => this.subscriptions.delete(subscription),
    });
    await subscription.start();
    this.subscriptions.add(subscription);
    return subscription;
  }
}

function asBatches(onBatch: (batch: Batch) => Promise<void>) {
  const readers = new Map<string, (message: KafkaMessage) => StoredEntry>();
  return (topic: string, partition: number, messages: KafkaMessage[]): Promise<void> => {
    const lane = `${topic}/${partition}`;
    let read = readers.get(lane);
    if (!read) readers.set(lane, (read = entryReader()));
    return onBatch({ topic: topic as TopicName, partition, entries: messages.map(read) });
  };
}
