import { service } from '@rhei/runtime';
import { config, type Config } from './config';
import type { Deps } from './deps';
import { explainModel, explainVersion } from './explain';
import { Registry0001Models1700000000001 } from './migrations/0001-models';
import { Registry0002Traces1700000000002 } from './migrations/0002-traces';
import { Registry0003Rollbacks1700000000003 } from './migrations/0003-rollbacks';
import { modelResource } from './model-resource';
import { countVersions, keptBlobs } from './model.store';
import { onPromotionJudged } from './on-promotion-judged';
import { onRunCompleted } from './on-run-completed';
import { onTrafficRolledBack } from './on-traffic-rolled-back';
import { onTrafficShifted } from './on-traffic-shifted';
import { registryRpc } from './registry.grpc';
import { registryHttp } from './registry.http';

/** Models, their versions, gates and approvals, and the champion of each. */
export const RegistryModule = service<Config, Deps>({
  name: 'registry',
  config,
  migrations: [Registry0001Models1700000000001, Registry0002Traces1700000000002, Registry0003Rollbacks1700000000003],
  deps: ({ database, blobs }) => ({ database, blobs }),
  rpc: (deps) => [registryRpc(deps)],
  http: [registryHttp],
  resources: [modelResource],
  on: [onRunCompleted, onTrafficShifted, onTrafficRolledBack, onPromotionJudged],
  explain: { version: explainVersion, model: explainModel },
  figures: async ({ database }) => ({ awaitingApproval: (await countVersions(database)).awaitingApproval }),
  keeps: ({ database }) => keptBlobs(database),
  counts: async ({ database }) => ({ versions: (await countVersions(database)).versions }),
});
