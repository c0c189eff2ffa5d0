import type { Database, Transaction } from '@rhei/runtime';
import type { RequestFields } from '../prediction/request-fields';
import type { Champion } from '../traffic/plan';
import type { DeploymentSpec } from './deployment-spec';

export interface Deployment extends DeploymentSpec {
  name: string;
  version: number;
}

/** What serving must know of a feature set to ask for vectors. */
export interface FeatureSet {
  name: string;
  version: number;
  request: RequestFields;
}

interface Row {
  name: string;
  version: number;
  spec: DeploymentSpec;
}
const asDeployment = ({ name, version, spec }: Row): Deployment => ({ name, version, ...spec });

const championColumns = 'model, version, digest, revision, replaces, promoted_at AS "promotedAt", kind';

/** Deployments, and the copies of what they refer to. */
export class DeploymentStore {
  constructor(private readonly database: Database) {}

  async knowsModel(name: string): Promise<boolean> {
    return (await this.database.query('SELECT 1 FROM known_model WHERE name = $1', [name])).length > 0;
  }

  async rememberModel(tx: Transaction, name: string): Promise<void> {
    await tx.query('INSERT INTO known_model (name) VALUES ($1) ON CONFLICT DO NOTHING', [name]);
  }

  /** The request fields of a feature set by its name, or undefined while feature has not told of it. */
  async requestOf(featureSet: string): Promise<RequestFields | undefined> {
    const [row] = await this.database.query<{ request: RequestFields }>(`SELECT spec -> 'request' AS request FROM feature_set WHERE name = $1`, [featureSet]);
    return row?.request;
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
    return (await tx.query<Row>('SELECT name, version, spec FROM deployment WHERE feature_set = $1 ORDER BY name', [featureSet])).map(asDeployment);
  }

  async save(tx: Transaction, { name, version, ...spec }: Deployment): Promise<void> {
    await tx.query(
      `INSERT INTO deployment (name, version, model, feature_set, spec) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (name) DO UPDATE SET version = excluded.version, model = excluded.model, feature_set = excluded.feature_set, spec = excluded.spec`,
      [name, version, spec.model, spec.featureSet, JSON.stringify(spec)],
    );
  }

  async list(): Promise<Deployment[]> {
    return (await this.database.query<Row>('SELECT name, version, spec FROM deployment ORDER BY name')).map(asDeployment);
  }

  /** Holds a deployment until the commit: its traffic is planned, and its switches are counted, one at a time. */
  async hold(tx: Transaction, name: string): Promise<Deployment | undefined> {
    const [row] = await tx.query<Row>('SELECT name, version, spec FROM deployment WHERE name = $1 FOR UPDATE', [name]);
    return row && asDeployment(row);
  }

  /** As {@link hold}, for all that answer with a model. */
  async holdThoseOf(tx: Transaction, model: string): Promise<Deployment[]> {
    return (await tx.query<Row>('SELECT name, version, spec FROM deployment WHERE model = $1 ORDER BY name FOR UPDATE', [model])).map(asDeployment);
  }

  async champion(tx: Transaction, model: string): Promise<Champion | undefined> {
    return (await tx.query<Champion>(`SELECT ${championColumns} FROM champion WHERE model = $1`, [model]))[0];
  }

  /** Keeps what the registry said; an older revision changes nothing. */
  async rememberChampion(tx: Transaction, { model, version, digest, revision, replaces, promotedAt, kind }: Champion): Promise<void> {
    await tx.query(
      `INSERT INTO champion (model, version, digest, revision, replaces, promoted_at, kind) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (model) DO UPDATE SET version = excluded.version, digest = excluded.digest, revision = excluded.revision,
         replaces = excluded.replaces, promoted_at = excluded.promoted_at, kind = excluded.kind WHERE excluded.revision > champion.revision`,
      [model, version, digest, revision, replaces, promotedAt, kind],
    );
  }
}
