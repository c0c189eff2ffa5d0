import type { ServiceName } from '@rhei/contracts';
import { KafkaCluster } from '../spec/kafka-cluster';
import { KeptLogger } from '../spec/open-log';
import { applyTopics } from './apply-topics';
import { eventLogContract } from './event-log.contract';
import { KafkaEventLog } from './kafka-event-log';

let cluster: KafkaCluster;
const logger = new KeptLogger();
beforeAll(async () => {
  cluster = await KafkaCluster.start();
  await applyTopics({ url: cluster.url() });
}, 120_000);
afterAll(() => cluster?.stop());

describe('the event log on Kafka', () => {
  eventLogContract(async () => {
    const opened: KafkaEventLog[] = [];
    return {
      connect(service: ServiceName) {
        const log = new KafkaEventLog({ url: cluster.url('', 'session=3000'), service, logger, onFatal: (reason) => { throw new Error(reason); } });
        opened.push(log);
        return log;
      },
      close: async () => void (await Promise.all(opened.map((log) => log.close()))),
    };
  });
});
