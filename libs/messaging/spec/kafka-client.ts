import { adminClient, openClient, type Admin, type Message } from '../src/kafka';
import { parseKafkaUrl } from '../src/kafka-url';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Writes as an upstream system does, with a client of its own. */
export async function sendPlainly(url: string, topic: string, messages: Message[]): Promise<void> {
  const producer = openClient(parseKafkaUrl(url), 'upstream', silent, adminClient, (kafka) => kafka.producer({ allowAutoTopicCreation: false }));
  try {
    await producer.client.connect();
    await producer.client.send({ topic, messages });
  } finally {
    await producer.close();
  }
}

export async function asAdmin<Result>(url: string, work: (admin: Admin) => Promise<Result>): Promise<Result> {
  const admin = openClient(parseKafkaUrl(url), 'spec', silent, adminClient, (kafka) => kafka.admin());
  try {
    await admin.client.connect();
    return await work(admin.client);
  } finally {
    await admin.close();
  }
}
