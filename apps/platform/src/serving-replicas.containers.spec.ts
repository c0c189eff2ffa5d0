import { serviceNames } from '@rhei/contracts';
import { applyTopics } from '@rhei/messaging';
import { startKafka } from '@rhei/testing';
import { servingReplicasContract } from './serving-replicas.contract';

describe('two replicas of serving, with Kafka between them', () => {
  servingReplicasContract(async () => {
    // A broker for each scene: a new database reads its topics from their beginning.
    const { broker, stop } = await startKafka();
    const url = `kafka://${broker}`;
    await applyTopics({ url });
    return { env: Object.fromEntries(serviceNames.map((name) => [`${name.toUpperCase()}_EVENT_LOG`, url])), close: stop };
  }, { brief: true });
});
