import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Entry } from '../src/event-log';
import { consumerClient, consumerRetry, openClient, producerClient, type Consumer, type EachBatchPayload, type Owned, type Producer } from '../src/kafka';
import type { KafkaAddress } from '../src/kafka-url';
import { tick } from './measure';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** The client alone, with the settings that the adapter gives it. */
export const bareProducer = (address: KafkaAddress): Owned<Producer> => openClient(address, 'bare', silent, producerClient, (kafka) => kafka.producer({
  idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false, createPartitioner: () => ({ message }) => message.partition!, retry: producerClient.retry,
}));

export async function bareSend(producer: Producer, topic: string, batches: Entry[][], partition: number): Promise<void> {
  for (const batch of batches) {
    await producer.send({ topic, acks: -1, timeout: 700, messages: batch.map(({ key, headers, value }) => ({ key, headers, value: value as Buffer, partition })) });
  }
}

async function bareConsumer(address: KafkaAddress, topic: string, start: number, eachBatch: (payload: EachBatchPayload) => Promise<void>): Promise<Owned<Consumer>> {
  const consumer = openClient(address, 'bare', silent, consumerClient, (kafka) => kafka.consumer({
    groupId: `feature.bench-${randomUUID()}`, allowAutoTopicCreation: false, sessionTimeout: 10_000, heartbeatInterval: 1_000, maxWaitTimeInMs: 250, retry: consumerRetry,
  }));
  const { client } = consumer;
  const joined = new Promise<void>((resolve) => client.on(client.events.GROUP_JOIN, () => {
    client.seek({ topic, partition: 0, offset: String(start) });
    resolve();
  }));
  await client.connect();
  await client.subscribe({ topics: [topic], fromBeginning: true });
  await client.run({ autoCommit: false, eachBatch });
  await joined;
  return consumer;
}

/** Events a second of partition 0, from the first batch to the last. */
export async function bareConsume(address: KafkaAddress, topic: string, start: number, count: number): Promise<number> {
  let seen = 0;
  let began = 0;
  let end = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const consumer = await bareConsumer(address, topic, start, async ({ batch }) => {
    if (batch.partition !== 0) return;
    began ||= performance.now();
    if ((seen += batch.messages.length) >= count) end();
  });
  await ended;
  const rate = count / ((performance.now() - began) / 1000);
  await consumer.close();
  return rate;
}

/** Milliseconds from the wish to send to the consumer's loop, of what `make` gives every ten milliseconds for three seconds. */
export async function bareLatency(address: KafkaAddress, producer: Producer, topic: string, start: number, make: () => Entry[]): Promise<number[]> {
  const wished = new Map<string, number>();
  const times: number[] = [];
  const consumer = await bareConsumer(address, topic, start, async ({ batch }) => {
    for (const { headers } of batch.messages) {
      const began = wished.get(String(headers!['ce_id']));
      if (began !== undefined) times.push(performance.now() - began);
    }
  });
  let waiting: Entry[] = [];
  let sending = Promise.resolve();
  await tick(300, () => {
    const batch = make();
    for (const { headers } of batch) wished.set(headers['ce_id'], performance.now());
    waiting.push(...batch);
    // What comes while a send is under way goes together in the next one.
    sending = sending.then(async () => {
      const now = waiting;
      waiting = [];
      if (now.length > 0) await bareSend(producer, topic, [now], 0);
    });
  });
  await sending;
  while (times.length < wished.size) await sleep(5);
  await consumer.close();
  return times.slice(500);
}
