import type { ServiceName } from '@rhei/contracts';
import { KafkaCluster } from '../spec/kafka-cluster';
import { KeptLogger } from '../spec/open-log';
import { applyTopics } from './apply-topics';
import { deadLettersContract } from './dead-letters.contract';
import { openClient, producerClient } from './kafka';
import { KafkaEventLog } from './kafka-event-log';
import { parseKafkaUrl } from './kafka-url';

describe('events that were set aside, with the log on Kafka', () => {
  let cluster: KafkaCluster;
  const logger = new KeptLogger();
  jest.setTimeout(60_000);
  beforeAll(async () => {
    cluster = await KafkaCluster.start();
    await applyTopics({ url: cluster.url() });
  }, 120_000);
  afterAll(() => cluster?.stop());

  deadLettersContract(async () => {
    const opened: KafkaEventLog[] = [];
    // Past the check of our own version.
    const newer = openClient(parseKafkaUrl(cluster.url()), 'newer', logger, producerClient, (kafka) => kafka.producer());
    await newer.client.connect();
    return {
      connect(service: ServiceName) {
        const log = new KafkaEventLog({ url: cluster.url('', 'session=3000'), service, logger, onFatal: (reason) => { throw new Error(reason); } });
        opened.push(log);
        return log;
      },
      async appendOfTomorrow(topic, partition, entries) {
        await newer.client.send({ topic, acks: -1, messages: entries.map(({ key, headers, value }) => ({ partition, key, headers, value: Buffer.from(value) })) });
      },
      async close() {
        await newer.close();
        await Promise.all(opened.map((log) => log.close()));
      },
    };
  });
});
