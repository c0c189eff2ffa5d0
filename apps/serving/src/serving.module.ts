import { feature, registry } from '@rhei/contracts';
import { service } from '@rhei/runtime';
import { config, type ServingConfig } from './config';
import { Catalogue } from './deployment/catalogue';
import { deploymentResource } from './deployment/deployment-resource';
import { lossWindow } from './deployment/deployment-spec';
import { DeploymentStore } from './deployment/deployment.store';
import type { Deps } from './deps';
import { Serving0001Deployments1700000000001 } from './migrations/0001-deployments';
import { Serving0002Replicas1700000000002 } from './migrations/0002-replicas';
import { Serving0003Traces1700000000003 } from './migrations/0003-traces';
import { Serving0004TrafficPlans1700000000004 } from './migrations/0004-traffic-plans';
import { Serving0005LedgerCounts1700000000005 } from './migrations/0005-ledger-counts';
import { onDeploymentApplied } from './on-deployment-applied';
import { onExampleLabelled } from './on-example-labelled';
import { onFeatureSetApplied } from './on-feature-set-applied';
import { onModelApplied } from './on-model-applied';
import { onModelVersionPromoted } from './on-model-version-promoted';
import { onPredictionServed } from './on-prediction-served';
import { onRollbackRequested } from './on-rollback-requested';
import { onTrafficPlanned } from './on-traffic-planned';
import { Admission } from './prediction/admission';
import { explainPrediction } from './prediction/explain-prediction';
import { Fallbacks } from './prediction/fallbacks';
import { LedgerStore } from './prediction/ledger.store';
import { LedgerWriter } from './prediction/ledger-writer';
import { VectorLookups } from './prediction/vector-lookups';
import { rolloutTimer } from './rollout/judge-rollout';
import { servingRpc } from './serving.grpc';
import { servingDoor } from './serving.http';
import { ChampionListing, refresh } from './traffic/champion-listing';
import { modelInfo } from './traffic/model-info';
import { PendingSwitches } from './traffic/pending-switches';
import { PlanStore } from './traffic/plan.store';
import { Sessions } from './traffic/sessions';
import { SwitchStore } from './traffic/switch.store';
import { Traffic } from './traffic/traffic';

/** Milliseconds that a stop gives to rows which were answered before they were durable. */
const lastWrites = 10_000;

export const ServingModule = service<ServingConfig, Deps>({
  name: 'serving',
  config,
  migrations: [Serving0001Deployments1700000000001, Serving0002Replicas1700000000002, Serving0003Traces1700000000003, Serving0004TrafficPlans1700000000004, Serving0005LedgerCounts1700000000005],
  deps({ config: { concurrency, queue }, database, blobs, clock, log, replica, peer, elapsed }) {
    const ledger = new LedgerStore(database);
    const features = peer('feature', feature.FeatureServiceClient);
    return {
      database, blobs, clock, log, ledger,
      deployments: new DeploymentStore(database),
      plans: new PlanStore(database),
      switches: new SwitchStore(database, replica),
      pending: new PendingSwitches(),
      sessions: Sessions.over(blobs),
      traffic: new Traffic(),
      writer: new LedgerWriter({ database, ledger, clock, log, elapsed, patience: lossWindow / 1_000 }),
      fallbacks: new Fallbacks(),
      admission: new Admission(concurrency, queue),
      features,
      lookups: new VectorLookups({ features, clock, elapsed }),
      registry: peer('registry', registry.RegistryServiceClient),
      catalogue: new Catalogue(),
      listing: new ChampionListing(),
    };
  },
  rpc: servingRpc,
  http: [servingDoor],
  on: [onModelVersionPromoted, onTrafficPlanned, onDeploymentApplied, onFeatureSetApplied, onModelApplied, onPredictionServed, onExampleLabelled, onRollbackRequested],
  timers: [rolloutTimer],
  resources: [deploymentResource],
  refresh,
  workers: [
    { name: 'listing of champions', start: async () => undefined, stop: ({ listing }) => listing.stop() },
    { name: 'pending switches', start: async () => undefined, stop: ({ pending }) => pending.stop() },
    { name: 'asynchronous ledger', start: async () => undefined, stop: ({ writer }) => writer.flush(lastWrites) },
  ],
  explain: { prediction: explainPrediction },
  inFlight: async ({ switches }) => ({ 'switches of traffic': await switches.unsettled() }),
  keeps: ({ plans }) => plans.keptBlobs(),
  counts: async ({ ledger }) => ({ predictions: await ledger.count() }),
  gauges: (deps) => [...modelInfo(deps), ...deps.fallbacks.readings(), ...deps.writer.readings()],
  figures: ({ ledger }) => ledger.figures(),
  digests: { predictions: ({ ledger }) => ledger.served() },
});
