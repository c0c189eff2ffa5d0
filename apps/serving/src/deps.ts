import type { feature, registry } from '@rhei/contracts';
import type { Blobs, Clock, Database } from '@rhei/runtime';
import type { Logger } from 'pino';
import type { Admission } from './prediction/admission';
import type { Catalogue } from './deployment/catalogue';
import type { ChampionListing } from './traffic/champion-listing';
import type { DeploymentStore } from './deployment/deployment.store';
import type { LedgerStore } from './prediction/ledger.store';
import type { LedgerWriter } from './prediction/ledger-writer';
import type { PendingSwitches } from './traffic/pending-switches';
import type { SwitchStore } from './traffic/switch.store';
import type { Traffic } from './traffic/traffic';

export interface Deps {
  database: Database;
  blobs: Blobs;
  clock: Clock;
  log: Logger;
  deployments: DeploymentStore;
  ledger: LedgerStore;
  writer: LedgerWriter;
  traffic: Traffic;
  switches: SwitchStore;
  pending: PendingSwitches;
  admission: Admission;
  features: feature.FeatureServiceClient;
  registry: registry.RegistryServiceClient;
  /** What this replica knows of deployments: read on every request, so kept in memory. */
  catalogue: Catalogue;
  listing: ChampionListing;
}
