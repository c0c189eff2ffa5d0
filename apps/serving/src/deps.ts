import type { feature, registry } from '@rhei/contracts';
import type { Blobs, Clock, Database } from '@rhei/runtime';
import type { Logger } from 'pino';
import type { Catalogue } from './deployment/catalogue';
import type { DeploymentStore } from './deployment/deployment.store';
import type { Admission } from './prediction/admission';
import type { Fallbacks } from './prediction/fallbacks';
import type { LedgerStore } from './prediction/ledger.store';
import type { LedgerWriter } from './prediction/ledger-writer';
import type { VectorLookups } from './prediction/vector-lookups';
import type { ChampionListing } from './traffic/champion-listing';
import type { PendingSwitches } from './traffic/pending-switches';
import type { PlanStore } from './traffic/plan.store';
import type { Sessions } from './traffic/sessions';
import type { SwitchStore } from './traffic/switch.store';
import type { Traffic } from './traffic/traffic';

export interface Deps {
  database: Database;
  blobs: Blobs;
  clock: Clock;
  log: Logger;
  deployments: DeploymentStore;
  plans: PlanStore;
  switches: SwitchStore;
  pending: PendingSwitches;
  /** Loaded models, and how the traffic of each deployment is divided among them on this replica. */
  sessions: Sessions;
  traffic: Traffic;
  ledger: LedgerStore;
  writer: LedgerWriter;
  fallbacks: Fallbacks;
  admission: Admission;
  features: feature.FeatureServiceClient;
  lookups: VectorLookups;
  registry: registry.RegistryServiceClient;
  /** What this replica knows of deployments: read on every request, so kept in memory. */
  catalogue: Catalogue;
  listing: ChampionListing;
}
