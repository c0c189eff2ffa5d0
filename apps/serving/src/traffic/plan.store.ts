import type { Database, Instant, Transaction } from '@rhei/runtime';
import { isUnderWay, type Draft, type Plan, type Version } from './plan';

/** A plan and what became of it. */
export interface Planned {
  plan: Plan;
  /** Whether it is still judged; false from the start for most, and once a new live version has been watched long enough. */
  underWay: boolean;
  /** Whether it is on record that something keeps the rollout from its next stage. */
  held: boolean;
  /** When all replicas had switched; null: not yet. */
  shiftedAt: Instant | null;
  figures: Record<string, unknown> | null;
  figuresAt: Instant | null;
}

interface Row {
  deployment: string;
  revision: number;
  model: string;
  version: number;
  digest: string;
  promotion: number;
  declared: number;
  plan: Omit<Plan, 'deployment' | 'revision' | 'model' | 'live' | 'promotion' | 'declared'>;
  underWay: boolean;
  held: boolean;
  shiftedAt: Instant | null;
  figures: Record<string, unknown> | null;
  figuresAt: Instant | null;
}
const columns = `traffic.deployment, revision, traffic.model, traffic.version, digest, promotion, declared, plan, under_way AS "underWay", held,
  shifted_at AS "shiftedAt", figures, figures_at AS "figuresAt"`;
const asPlanned = ({ deployment, revision, model, version, digest, promotion, declared, plan, ...state }: Row): Planned =>
  ({ plan: { deployment, revision, model, live: { version, digest }, promotion, declared, ...plan }, ...state });

/** Revisions of one promotion: the first plan of the next one is above all of them. */
const plansPerPromotion = 1_000;
/** Plans that are kept in memory for the predictions that were answered under them. */
const mostRemembered = 1_000;

/** The plans of each deployment's traffic, the newest of which shall be taken up. */
export class PlanStore {
  private readonly remembered = new Map<string, Plan>();

  constructor(private readonly database: Database) {}

  /**
   * The newest plan that was not refused, under which the deployment answers or is about to; of all plans the newest revision
   * and its model, and the newest promotion and declaration that one took account of. The caller holds the deployment.
   */
  async current(tx: Transaction, deployment: string, model: string): Promise<{ current?: Planned; promotion: number; declared: number; revision: number; newestModel: string }> {
    const [known] = await tx.query<{ promotion: number; declared: number; revision: number; newestModel: string }>(
      `SELECT coalesce(max(promotion) FILTER (WHERE model = $2), 0) AS promotion, coalesce(max(declared), 0) AS declared, coalesce(max(revision), 0) AS revision,
         coalesce((array_agg(model ORDER BY revision DESC))[1], '') AS "newestModel" FROM traffic WHERE deployment = $1`, [deployment, model]);
    const [row] = await tx.query<Row>(`SELECT ${columns} FROM traffic WHERE deployment = $1 AND failure IS NULL ORDER BY revision DESC LIMIT 1`, [deployment]);
    return { ...known, ...(row && { current: asPlanned(row) }) };
  }

  /**
   * Writes a plan under the next revision; what holds up a stage is on record for all its plans. The one before stays under way
   * until this one is said, for it answers on where this one is refused. The caller holds the deployment.
   */
  async add(tx: Transaction, draft: Draft, last: number): Promise<Plan> {
    const revision = Math.max(draft.promotion * plansPerPromotion, last + 1);
    const { deployment, model, live, promotion, declared, ...rest } = draft;
    const plan = { ...rest, rolloutFrom: rest.rolloutFrom || revision, stageFrom: rest.stageFrom || revision };
    // A draft that was made from a plan brings that plan's revision along.
    delete (plan as { revision?: number }).revision;
    await tx.query(
      `INSERT INTO traffic (deployment, revision, model, version, digest, promotion, declared, planned_at, under_way, plan, held)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, EXISTS (SELECT FROM traffic WHERE deployment = $1 AND revision >= $11 AND held))`,
      [deployment, revision, model, live.version, live.digest, promotion, declared, tx.now, isUnderWay(draft), JSON.stringify(plan), plan.stageFrom],
    );
    return { deployment, revision, model, live, promotion, declared, ...plan };
  }

  /** Notes that the newest plan takes account of a declaration which changes nothing in it. */
  async noteDeclared(tx: Transaction, { deployment, revision }: Plan, declared: number): Promise<void> {
    await tx.query('UPDATE traffic SET declared = $3 WHERE deployment = $1 AND revision = $2', [deployment, revision, declared]);
  }

  /** What the last look found, and what follows without another division of traffic. */
  async noteLook(tx: Transaction, { deployment, revision }: Plan, { figures, underWay, held }: { figures?: object; underWay: boolean; held: boolean }): Promise<void> {
    await tx.query(
      `UPDATE traffic SET under_way = $3, held = $4, figures = coalesce($5, figures), figures_at = CASE WHEN $5::jsonb IS NULL THEN figures_at ELSE $6 END
       WHERE deployment = $1 AND revision = $2`,
      [deployment, revision, underWay, held, figures === undefined ? null : JSON.stringify(figures), tx.now],
    );
  }

  /** The plan of the same model that was said last: what all replicas answer by. */
  async said(tx: Transaction, { deployment, model }: Pick<Plan, 'deployment' | 'model'>): Promise<Plan | undefined> {
    const [row] = await tx.query<Row>(`SELECT ${columns} FROM traffic WHERE deployment = $1 AND model = $2 AND shifted_at IS NOT NULL ORDER BY revision DESC LIMIT 1`, [deployment, model]);
    return row && asPlanned(row).plan;
  }

  /** The first version of a model that was live in a deployment. */
  async firstLive(tx: Transaction, deployment: string, model: string): Promise<Version | null> {
    const [row] = await tx.query<Version>('SELECT version, digest FROM traffic WHERE deployment = $1 AND model = $2 AND shifted_at IS NOT NULL ORDER BY revision LIMIT 1', [deployment, model]);
    return row ?? null;
  }

  /** Where a rollback of `version` went when it was live itself. */
  async beforeThat(tx: Transaction, { deployment, revision, model }: Plan, version: number): Promise<Version | null> {
    const [row] = await tx.query<{ before: Version | null }>(
      `SELECT plan -> 'before' AS before FROM traffic WHERE deployment = $1 AND model = $2 AND version = $3 AND revision < $4 AND failure IS NULL ORDER BY revision DESC LIMIT 1`,
      [deployment, model, version, revision]);
    return row?.before ?? null;
  }

  /** A version that was live in a deployment once. */
  async wasLive(tx: Transaction, { deployment, model }: Plan, version: number): Promise<Version | undefined> {
    const [row] = await tx.query<Version>('SELECT version, digest FROM traffic WHERE deployment = $1 AND model = $2 AND version = $3 AND shifted_at IS NOT NULL LIMIT 1', [deployment, model, version]);
    return row;
  }

  /** The plan under which a prediction was answered; undefined for one of before there were plans. */
  async at(tx: Pick<Transaction, 'query'>, deployment: string, revision: number): Promise<Plan | undefined> {
    const key = JSON.stringify([deployment, revision]);
    const known = this.remembered.get(key);
    if (known !== undefined) return known;
    const [row] = await tx.query<Row>(`SELECT ${columns} FROM traffic WHERE deployment = $1 AND revision = $2`, [deployment, revision]);
    if (row === undefined) return undefined;
    const { plan } = asPlanned(row);
    if (this.remembered.size >= mostRemembered) this.remembered.delete(this.remembered.keys().next().value!);
    this.remembered.set(key, plan);
    return plan;
  }

  /** Of each deployment what answered last and, where it is another, the newest plan, in this order; of its present model. */
  async toTakeUp(): Promise<Plan[]> {
    const of = (condition: string): string =>
      `(SELECT DISTINCT ON (traffic.deployment) ${columns} FROM traffic JOIN deployment ON deployment.name = traffic.deployment AND deployment.model = traffic.model
        ${condition} ORDER BY traffic.deployment, revision DESC)`;
    const rows = await this.database.query<Row>(`SELECT * FROM (${of('WHERE shifted_at IS NOT NULL')} UNION ${of('')}) AS plans ORDER BY deployment, revision`);
    return rows.map((row) => asPlanned(row).plan);
  }

  /** The newest plan of each deployment that was said, and the newest of all, by deployment; of its present model. */
  async newest(): Promise<Map<string, { said?: Planned; newest: Planned }>> {
    const found = new Map<string, { said?: Planned; newest: Planned }>();
    const rows = await this.database.query<Row>(
      `SELECT DISTINCT ON (traffic.deployment, shifted_at IS NOT NULL) ${columns} FROM traffic JOIN deployment ON deployment.name = traffic.deployment AND deployment.model = traffic.model
       ORDER BY traffic.deployment, shifted_at IS NOT NULL, revision DESC`);
    for (const planned of rows.map(asPlanned)) {
      const { plan: { deployment, revision }, shiftedAt } = planned;
      const known = found.get(deployment);
      const newest = known !== undefined && known.newest.plan.revision > revision ? known.newest : planned;
      found.set(deployment, { newest, ...(shiftedAt !== null ? { said: planned } : known?.said && { said: known.said }) });
    }
    return found;
  }

  /** Artifacts that answer, have answered here, or are or were tried. */
  async keptBlobs(): Promise<string[]> {
    const rows = await this.database.query<{ digest: string }>(
      `SELECT digest FROM champion UNION SELECT digest FROM traffic UNION SELECT plan -> 'candidate' ->> 'digest' FROM traffic WHERE plan -> 'candidate' ->> 'digest' IS NOT NULL`);
    return rows.map(({ digest }) => digest);
  }
}
