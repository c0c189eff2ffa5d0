import { feature, registry } from '@rhei/contracts';
import { service } from '@rhei/runtime';
import { Admission } from './prediction/admission';
import { Catalogue } from './deployment/catalogue';
import { ChampionListing, refresh } from './traffic/champion-listing';
import { config, type ServingConfig } from './config';
import { deploymentResource } from './deployment/deployment-resource';
import { DeploymentStore } from './deployment/deployment.store';
import type { Deps } from './deps';
import { explainPrediction } from './prediction/explain-prediction';
import { LedgerStore } from './prediction/ledger.store';
import { LedgerWriter } from './prediction/ledger-writer';
import { modelInfo } from './traffic/model-info';
import { Serving0001Deployments1700000000001 } from './migrations/0001-deployments';
import { Serving0002Replicas1700000000002 } from './migrations/0002-replicas';
import { Serving0003Traces1700000000003 } from './migrations/0003-traces';
import { onDeploymentApplied } from './on-deployment-applied';
import { onFeatureSetApplied } from './on-feature-set-applied';
import { onModelApplied } from './on-model-applied';
import { onModelVersionPromoted } from './on-model-version-promoted';
import { PendingSwitches } from './traffic/pending-switches';
import { servingRpc } from './serving.grpc';
import { servingDoor } from './serving.http';
import { SwitchStore } from './traffic/switch.store';
import { Traffic } from './traffic/traffic';

export const ServingModule = service<ServingConfig, Deps>({
  name: 'serving',
  config,
  migrations: [Serving0001Deployments1700000000001, Serving0002Replicas1700000000002, Serving0003Traces1700000000003],
  deps({ config: { concurrency, queue }, database, blobs, clock, log, replica, peer }) {
    const ledger = new LedgerStore(database);
    return {
      database, blobs, clock, log, ledger,
      deployments: new DeploymentStore(database),
      writer: new LedgerWriter({ database, ledger, clock }),
      traffic: new Traffic(),
      switches: new SwitchStore(database, replica),
      pending: new PendingSwitches(),
      admission: new Admission(concurrency, queue),
      features: peer('feature', feature.FeatureServiceClient),
      registry: peer('registry', registry.RegistryServiceClient),
      catalogue: new Catalogue(),
      listing: new ChampionListing(),
    };
  },
  rpc: servingRpc,
  http: [servingDoor],
  on: [onModelVersionPromoted, onDeploymentApplied, onFeatureSetApplied, onModelApplied],
  resources: [deploymentResource],
  refresh,
  workers: [
    { name: 'listing of champions', start: async () => undefined, stop: ({ listing }) => listing.stop() },
    { name: 'pending switches', start: async () => undefined, stop: ({ pending }) => pending.stop() },
  ],
  explain: { prediction: explainPrediction },
  inFlight: async ({ switches }) => ({ 'switches of traffic': await switches.unsettled() }),
  keeps: ({ deployments }) => deployments.keptBlobs(),
  counts: async ({ ledger }) => ({ predictions: await ledger.count() }),
  gauges: modelInfo,
  figures: async ({ ledger }) => ({ predictions: await ledger.count() }),
  digests: { predictions: ({ ledger }) => ledger.live() },
});
