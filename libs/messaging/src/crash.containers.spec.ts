import { events, topics, type ServiceName } from '@rhei/contracts';
import { CrashWorld, type SharedLog } from '../spec/crash-world';
import { KafkaCluster } from '../spec/kafka-cluster';
import { KeptLogger } from '../spec/open-log';
import { applyTopics } from './apply-topics';
import { crashContract } from './crash.contract';
import { KafkaEventLog } from './kafka-event-log';

const heard = [events.RecordAccepted.topic, events.SourceApplied.topic];

describe('outbox and inbox over Kafka', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await KafkaCluster.start();
    await applyTopics({ url: cluster.url() });
  }, 120_000);
  afterAll(() => cluster?.stop());

  // One broker for all: each world begins where the one before has ended, in a group that has forgotten its dead members by then.
  const urlOf = (_service: ServiceName) => cluster.url('', 'session=2000');
  const openLog = async (): Promise<SharedLog> => ({
    urlOf,
    async heads() {
      const log = new KafkaEventLog({ url: cluster.url(), service: 'feature', logger: new KeptLogger(), onFatal: () => undefined });
      try {
        const all = await Promise.all(heard.map(async (topic) => (await log.heads(topic)).map((head, partition) => ({ topic, partition, head }))));
        return all.flat();
      } finally {
        await log.close();
      }
    },
    close: async () => undefined,
  });

  crashContract(openLog, { together: false, stopAt: ['relay.after-send-before-mark', 'consumer.effect-before-commit'] });

  it('every event has its effect once and in order though the broker is restarted, and killed, in the middle', async () => {
    const world = await CrashWorld.open(openLog);
    try {
      const child = world.start({ events: 500, pause: 20 });
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      await cluster.restart();
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      await cluster.kill();
      await cluster.begin();
      expect(await world.ended(child)).toBe('exit 0');
      await world.expectOnceInOrder();
      expect(heard.reduce((sum, topic) => sum + topics[topic].partitions, 0)).toBe(3);
    } finally {
      await world.close();
    }
  }, 120_000);
});
