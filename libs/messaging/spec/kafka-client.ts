import { adminClient, openClient, type Admin, type Message } from '../src/kafka';
import { parseKafkaUrl } from '../src/kafka-url';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Writes as an upstream system does, with a client of its own. */
export async function sendPlainly(url: string, topic: string, messages: Message[]): Promise<void> {
  const producer = openClient(parseKafkaUrl(url), 'upstream', silent, adminClient).producer({ allowAutoTopicCreation: false });
  try {
    await producer.connect();
    await producer.send({ topic, messages });
  } finally {
    await producer.disconnect();
  }
}

export async function asAdmin<Result>(url: string, work: (admin: Admin) => Promise<Result>): Promise<Result> {
  const admin = openClient(parseKafkaUrl(url), 'spec', silent, adminClient).admin();
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
