import type { Database, Transaction } from '@rhei/runtime';
import type { RequestFields } from './request-fields';
import type { Champion } from './traffic';

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

  async rememberFeatureSet(tx: Transaction, { name, version, specJson }: { name: string; version: number; specJson: string }): Promise<void> {
    await tx.query(
      `INSERT INTO feature_set (name, version, spec) VALUES ($1, $2, $3)
       ON CONFLICT (name) DO UPDATE SET version = excluded.version, spec = excluded.spec WHERE excluded.version > feature_set.version`,
      [name, version, specJson],
    );
  }

  async save(tx: Transaction, { name, version, model, featureSet, ledger }: Deployment): Promise<void> {
    await tx.query(
      `INSERT INTO deployment (name, version, model, feature_set, ledger) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (name) DO UPDATE SET version = excluded.version, model = excluded.model, feature_set = excluded.feature_set, ledger = excluded.ledger`,
      [name, version, model, featureSet, ledger],
    );
  }

  list(): Promise<Deployment[]> {
    return this.database.query<Deployment>('SELECT name, version, model, feature_set AS "featureSet", ledger FROM deployment ORDER BY name');
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

  /** The last switch that was made of every deployment, to its present model. */
  shifts(): Promise<{ deployment: string; version: number; digest: string; shiftedAt: number }[]> {
    return this.database.query(
      `SELECT DISTINCT ON (deployment) deployment, traffic.version, digest, shifted_at AS "shiftedAt" FROM traffic
       JOIN deployment ON deployment.name = traffic.deployment AND deployment.model = traffic.model
       WHERE failure IS NULL ORDER BY deployment, revision DESC`,
    );
  }

  /** What answered last for each model of a deployment. */
  lastGood(): Promise<Champion[]> {
    return this.database.query<Champion>(
      `SELECT DISTINCT ON (model) model, traffic.version, digest, revision, replaces, shifted_at AS "promotedAt" FROM traffic
       JOIN deployment USING (model) WHERE failure IS NULL ORDER BY model, revision DESC`,
    );
  }

  /** Deployments whose model has a decided revision that was neither switched to nor found impossible. */
  async unsettled(): Promise<number> {
    const [{ count }] = await this.database.query<{ count: number }>(
      `SELECT count(*) AS count FROM deployment JOIN champion USING (model)
       WHERE NOT EXISTS (SELECT 1 FROM traffic WHERE traffic.deployment = deployment.name AND traffic.revision = champion.revision AND traffic.model = champion.model)`,
    );
    return count;
  }

  /** Records the switch of a deployment, once per revision; one that had failed may still succeed. Returns false when there is nothing new. */
  async recordShift(tx: Transaction, deployment: string, { model, version, digest, revision, replaces }: Champion, failure?: string): Promise<boolean> {
    const rows = await tx.query(
      `INSERT INTO traffic (deployment, model, revision, version, digest, replaces, shifted_at, failure) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (deployment, model, revision) DO UPDATE SET shifted_at = excluded.shifted_at, failure = NULL
         WHERE traffic.failure IS NOT NULL AND excluded.failure IS NULL RETURNING deployment`,
      [deployment, model, revision, version, digest, replaces, tx.now, failure ?? null],
    );
    return rows.length > 0;
  }
}
