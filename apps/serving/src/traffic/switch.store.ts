import type { Database, Transaction } from '@rhei/runtime';
import type { Plan } from './plan';

type Switch = Pick<Plan, 'deployment' | 'revision'>;

/** Which plan each replica answers by, and what was said of it: a switch is a fact only when all replicas have made it. */
export class SwitchStore {
  constructor(private readonly database: Database, private readonly replica: string) {}

  /** Notes that this replica answers by a plan; an older one changes nothing. */
  async note(tx: Transaction, { deployment, revision }: Switch): Promise<void> {
    // A replica that was asleep may have been forgotten: it is back with its next renewal.
    await tx.query(
      `INSERT INTO applied (replica, deployment, revision) SELECT id, $2, $3 FROM replica WHERE id = $1
       ON CONFLICT (replica, deployment) DO UPDATE SET revision = excluded.revision WHERE applied.revision < excluded.revision`,
      [this.replica, deployment, revision],
    );
  }

  /**
   * Whether every other live replica answers by this plan or a later one. One that is not ready yet counts as soon as it has
   * reported anything; before that it takes up what is known here first.
   */
  async madeByOthers(tx: Transaction, { deployment, revision }: Switch): Promise<boolean> {
    const behind = await tx.query(
      `SELECT 1 FROM live_replica LEFT JOIN applied ON applied.replica = live_replica.id AND applied.deployment = $2
       WHERE live_replica.id <> $1 AND (live_replica.ready OR applied.replica IS NOT NULL) AND (applied.revision >= $3) IS NOT TRUE LIMIT 1`,
      [this.replica, deployment, revision],
    );
    return behind.length === 0;
  }

  /** Whether this plan or a later one was said already: a switch that not all made before the next one is never said. */
  async isSaid(tx: Transaction, { deployment, revision }: Switch): Promise<boolean> {
    return (await tx.query('SELECT 1 FROM traffic WHERE deployment = $1 AND revision >= $2 AND shifted_at IS NOT NULL LIMIT 1', [deployment, revision])).length > 0;
  }

  /** The version that was live by what was said last; 0: none. */
  async liveBefore(tx: Transaction, { deployment, revision }: Switch): Promise<number> {
    const [row] = await tx.query<{ version: number }>('SELECT version FROM traffic WHERE deployment = $1 AND revision < $2 AND shifted_at IS NOT NULL ORDER BY revision DESC LIMIT 1', [deployment, revision]);
    return row?.version ?? 0;
  }

  /** Records that a plan is what all answer by, so that no earlier one is judged any more, or why it cannot be; one that had failed may still succeed. Returns false when there is nothing new. */
  async record(tx: Transaction, { deployment, revision }: Switch, failure?: string): Promise<boolean> {
    const rows = await tx.query(
      `UPDATE traffic SET shifted_at = CASE WHEN $3::text IS NULL THEN $4::bigint END, failure = $3
       WHERE deployment = $1 AND revision = $2 AND shifted_at IS NULL AND (failure IS NULL OR $3::text IS NULL) RETURNING 1`,
      [deployment, revision, failure ?? null, tx.now],
    );
    if (rows.length > 0 && failure === undefined) await tx.query('UPDATE traffic SET under_way = false WHERE deployment = $1 AND revision < $2 AND under_way', [deployment, revision]);
    return rows.length > 0;
  }

  /** The revision that all live replicas of every deployment have reached; 0 where one answers with none. */
  async applied(): Promise<Map<string, number>> {
    const rows = await this.database.query<{ deployment: string; revision: number }>(
      `SELECT deployment.name AS deployment, min(coalesce(applied.revision, 0)) AS revision FROM deployment CROSS JOIN live_replica
       LEFT JOIN applied ON applied.replica = live_replica.id AND applied.deployment = deployment.name
       WHERE live_replica.ready GROUP BY deployment.name`,
    );
    return new Map(rows.map(({ deployment, revision }) => [deployment, revision]));
  }

  /**
   * Deployments whose model has a champion and that have no plan for it, and those of whose newest plan nothing was said yet,
   * or that a live replica does not answer by although it can be.
   */
  async unsettled(): Promise<number> {
    const [{ count }] = await this.database.query<{ count: number }>(
      `SELECT count(*) AS count FROM deployment JOIN champion USING (model)
       LEFT JOIN LATERAL (SELECT revision, shifted_at, failure FROM traffic WHERE deployment = deployment.name AND traffic.model = deployment.model ORDER BY revision DESC LIMIT 1) AS plan ON true
       WHERE plan.revision IS NULL OR (plan.failure IS NULL AND (plan.shifted_at IS NULL OR EXISTS (
         SELECT 1 FROM live_replica WHERE live_replica.ready AND NOT EXISTS (
           SELECT 1 FROM applied WHERE applied.replica = live_replica.id AND applied.deployment = deployment.name AND applied.revision >= plan.revision))))`,
    );
    return count;
  }
}
