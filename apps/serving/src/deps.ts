import type { feature, registry } from '@rhei/contracts';
import type { Blobs, Clock, Database } from '@rhei/runtime';
import type { Logger } from 'pino';
import type { Admission } from './admission';
import type { Deployment, DeploymentStore, FeatureSet } from './deployment.store';
import type { LedgerStore } from './ledger.store';
import type { LedgerWriter } from './ledger-writer';
import type { Traffic } from './traffic';

export interface Deps {
  database: Database;
  blobs: Blobs;
  clock: Clock;
  log: Logger;
  deployments: DeploymentStore;
  ledger: LedgerStore;
  writer: LedgerWriter;
  traffic: Traffic;
  admission: Admission;
  features: feature.FeatureServiceClient;
  registry: registry.RegistryServiceClient;
  /** What this replica knows of deployments, by name: read on every request, so kept in memory. */
  known: Map<string, { deployment: Deployment; featureSet?: FeatureSet }>;
}
