import { servingReplicasContract } from './serving-replicas.contract';

describe('two replicas of serving', () => {
  servingReplicasContract(async () => ({ env: {}, close: async () => undefined }));
});
