import type { Database, Transaction } from '@rhei/runtime';
import type { Champion } from './traffic';

type Switch = Pick<Champion, 'model' | 'revision'>;

/** What each replica answers with, and what was said of it: a switch is a fact only when all replicas have made it. */
export class SwitchStore {
  constructor(private readonly database: Database, private readonly replica: string) {}

  /** Lets one replica report at a time: two that did so at once would each miss the other's row, and neither would speak. */
  async hold(tx: Transaction, model: string): Promise<void> {
    await tx.query('SELECT FROM champion WHERE model = $1 FOR UPDATE', [model]);
  }

  /** Notes that this replica answers with a revision; an older one of the same model changes nothing. */
  async note(tx: Transaction, deployment: string, { model, revision }: Switch): Promise<void> {
    // A replica that was asleep may have been forgotten: it is back with its next renewal.
    await tx.query(
      `INSERT INTO applied (replica, deployment, model, revision) SELECT id, $2, $3, $4 FROM replica WHERE id = $1
       ON CONFLICT (replica, deployment) DO UPDATE SET model = excluded.model, revision = excluded.revision
         WHERE applied.model <> excluded.model OR applied.revision < excluded.revision`,
      [this.replica, deployment, model, revision],
    );
  }

  /**
   * Whether every other live replica answers with this revision or a later one. One that is not ready yet counts as soon as
   * it has reported anything; before that it takes up what is known here first.
   */
  async madeByOthers(tx: Transaction, deployment: string, { model, revision }: Switch): Promise<boolean> {
    const behind = await tx.query(
      `SELECT 1 FROM live_replica LEFT JOIN applied ON applied.replica = live_replica.id AND applied.deployment = $2
       WHERE live_replica.id <> $1 AND (live_replica.ready OR applied.replica IS NOT NULL)
         AND (applied.model = $3 AND applied.revision >= $4) IS NOT TRUE LIMIT 1`,
      [this.replica, deployment, model, revision],
    );
    return behind.length === 0;
  }

  /** Whether this revision or a later one was said already: a switch that not all made before the next one is never said. */
  async isSaid(tx: Transaction, deployment: string, { model, revision }: Switch): Promise<boolean> {
    return (await tx.query('SELECT 1 FROM traffic WHERE deployment = $1 AND model = $2 AND revision >= $3 AND failure IS NULL LIMIT 1', [deployment, model, revision])).length > 0;
  }

  /** Whether a revision was said to answer, so that a replica which cannot load it is the one at fault. */
  async isLive({ model, revision }: Switch): Promise<boolean> {
    return (await this.database.query('SELECT 1 FROM traffic WHERE model = $1 AND revision = $2 AND failure IS NULL LIMIT 1', [model, revision])).length > 0;
  }

  /** Records what is said of a deployment, once per revision; one that had failed may still succeed. Returns false when there is nothing new. */
  async record(tx: Transaction, deployment: string, { model, version, digest, revision, replaces }: Champion, failure?: string): Promise<boolean> {
    const rows = await tx.query(
      `INSERT INTO traffic (deployment, model, revision, version, digest, replaces, shifted_at, failure) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (deployment, model, revision) DO UPDATE SET shifted_at = excluded.shifted_at, failure = NULL
         WHERE traffic.failure IS NOT NULL AND excluded.failure IS NULL RETURNING deployment`,
      [deployment, model, revision, version, digest, replaces, tx.now, failure ?? null],
    );
    return rows.length > 0;
  }

  /** The last switch that was said of every deployment, to its present model. */
  shifts(): Promise<{ deployment: string; version: number; digest: string; shiftedAt: number }[]> {
    return this.database.query(
      `SELECT DISTINCT ON (deployment) deployment, traffic.version, digest, shifted_at AS "shiftedAt" FROM traffic
       JOIN deployment ON deployment.name = traffic.deployment AND deployment.model = traffic.model
       WHERE failure IS NULL ORDER BY deployment, revision DESC`,
    );
  }

  /** The revision that all live replicas of every deployment have reached; 0 where one answers with none. */
  async applied(): Promise<Map<string, number>> {
    const rows = await this.database.query<{ deployment: string; revision: number }>(
      `SELECT deployment.name AS deployment, min(coalesce(applied.revision, 0)) AS revision FROM deployment CROSS JOIN live_replica
       LEFT JOIN applied ON applied.replica = live_replica.id AND applied.deployment = deployment.name AND applied.model = deployment.model
       WHERE live_replica.ready GROUP BY deployment.name`,
    );
    return new Map(rows.map(({ deployment, revision }) => [deployment, revision]));
  }

  /** What answered last for each model of a deployment. */
  lastGood(): Promise<Champion[]> {
    return this.database.query<Champion>(
      `SELECT DISTINCT ON (model) model, traffic.version, digest, revision, replaces, shifted_at AS "promotedAt" FROM traffic
       JOIN deployment USING (model) WHERE failure IS NULL ORDER BY model, revision DESC`,
    );
  }

  /**
   * Deployments whose model has a decided revision of which nothing was said yet, or that a live replica does not answer with
   * although it can be served.
   */
  async unsettled(): Promise<number> {
    const [{ count }] = await this.database.query<{ count: number }>(
      `SELECT count(*) AS count FROM deployment JOIN champion USING (model)
       LEFT JOIN traffic ON traffic.deployment = deployment.name AND traffic.revision = champion.revision AND traffic.model = champion.model
       WHERE traffic.deployment IS NULL OR (traffic.failure IS NULL AND EXISTS (
         SELECT 1 FROM live_replica WHERE live_replica.ready AND NOT EXISTS (
           SELECT 1 FROM applied WHERE applied.replica = live_replica.id AND applied.deployment = deployment.name
             AND applied.model = champion.model AND applied.revision >= champion.revision)))`,
    );
    return count;
  }
}
