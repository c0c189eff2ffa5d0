import type { Database, Transaction } from '@rhei/runtime';
import type { RequestFields } from '../prediction/request-fields';
import type { Champion } from '../traffic/traffic';

export interface Deployment {
  name: string;
  version: number;
  model: string;
  featureSet: string;
  ledger: string;
}

/** What serving must know of a feature set to ask for vectors. */
export interface FeatureSet {
  name: string;
  version: number;
  request: RequestFields;
}

const columns = 'name, version, model, feature_set AS "featureSet", ledger';

/** Deployments, and the copies of what they refer to. */
export class DeploymentStore {
  constructor(private readonly database: Database) {}

  async knowsModel(name: string): Promise<boolean> {
    return (await this.database.query('SELECT 1 FROM known_model WHERE name = $1', [name])).length > 0;
  }

  async rememberModel(tx: Transaction, name: string): Promise<void> {
    await tx.query('INSERT INTO known_model (name) VALUES ($1) ON CONFLICT DO NOTHING', [name]);
  }

  async knowsFeatureSet(name: string): Promise<boolean> {
    return (await this.database.query('SELECT 1 FROM feature_set WHERE name = $1', [name])).length > 0;
  }

  featureSets(): Promise<FeatureSet[]> {
    return this.database.query<FeatureSet>(`SELECT name, version, spec -> 'request' AS request FROM feature_set ORDER BY name`);
  }

  /** Keeps a feature set; returns whether it is new or newer than what was kept. */
  async rememberFeatureSet(tx: Transaction, { name, version, specJson }: { name: string; version: number; specJson: string }): Promise<boolean> {
    const rows = await tx.query(
      `INSERT INTO feature_set (name, version, spec) VALUES ($1, $2, $3)
       ON CONFLICT (name) DO UPDATE SET version = excluded.version, spec = excluded.spec WHERE excluded.version > feature_set.version RETURNING 1`,
      [name, version, specJson],
    );
    return rows.length > 0;
  }

  /** The deployments that read a feature set. One that is being applied is waited for, and a later one waits. */
  async readersOf(tx: Transaction, featureSet: string): Promise<Deployment[]> {
    await tx.query('LOCK TABLE deployment IN SHARE MODE');
    return tx.query<Deployment>(`SELECT ${columns} FROM deployment WHERE feature_set = $1 ORDER BY name`, [featureSet]);
  }

  async save(tx: Transaction, { name, version, model, featureSet, ledger }: Deployment): Promise<void> {
    await tx.query(
      `INSERT INTO deployment (name, version, model, feature_set, ledger) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (name) DO UPDATE SET version = excluded.version, model = excluded.model, feature_set = excluded.feature_set, ledger = excluded.ledger`,
      [name, version, model, featureSet, ledger],
    );
  }

  list(): Promise<Deployment[]> {
    return this.database.query<Deployment>(`SELECT ${columns} FROM deployment ORDER BY name`);
  }

  /** Artifacts that answer, or have answered here. */
  async keptBlobs(): Promise<string[]> {
    return (await this.database.query<{ digest: string }>('SELECT digest FROM champion UNION SELECT digest FROM traffic')).map(({ digest }) => digest);
  }

  champions(): Promise<Champion[]> {
    return this.database.query<Champion>('SELECT model, version, digest, revision, replaces, promoted_at AS "promotedAt" FROM champion ORDER BY model');
  }

  /** Keeps what the registry said; an older revision changes nothing. */
  async rememberChampion({ model, version, digest, revision, replaces, promotedAt }: Champion): Promise<void> {
    await this.database.transaction((tx) => tx.query(
      `INSERT INTO champion (model, version, digest, revision, replaces, promoted_at) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (model) DO UPDATE SET version = excluded.version, digest = excluded.digest, revision = excluded.revision,
         replaces = excluded.replaces, promoted_at = excluded.promoted_at WHERE excluded.revision > champion.revision`,
      [model, version, digest, revision, replaces, promotedAt],
    ));
  }
}
