import { notFound } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { LastRun, Plan } from './plan';
import type { PlanSpec } from './plan-spec';
import type { RunState } from './run';

interface PlanRow { name: string; version: string; spec: PlanSpec; runs: number }
const toPlan = (row: PlanRow): Plan => ({ name: row.name, version: Number(row.version), spec: row.spec, runs: row.runs });

export async function applyPlan(tx: Queryable, name: string, spec: PlanSpec, version: number): Promise<void> {
  await tx.query(
    `INSERT INTO plan (name, version, spec) VALUES ($1, $2, $3)
     ON CONFLICT (name) DO UPDATE SET version = excluded.version, spec = excluded.spec`,
    [name, version, canonicalJson(spec)],
  );
}

/** The plan, locked: two causes at one moment would both see that no run is open. */
export async function lockPlan(tx: Queryable, name: string): Promise<Plan> {
  const [row] = await tx.query<PlanRow>('SELECT name, version, spec, runs FROM plan WHERE name = $1 FOR UPDATE', [name]);
  if (!row) throw notFound(`There is no training plan "${name}". Apply a resource of kind TrainingPlan with this name first.`, {
    field: 'plan', expected: 'the name of a training plan', got: name, hint: 'Apply a resource of kind TrainingPlan with this name first.',
  });
  return toPlan(row);
}

/** The plan that retrains a model: the first by name. */
export async function planOfModel(tx: Queryable, model: string): Promise<string | undefined> {
  const [row] = await tx.query<{ name: string }>(`SELECT name FROM plan WHERE spec->>'model' = $1 ORDER BY name LIMIT 1`, [model]);
  return row?.name;
}

export async function countRun(tx: Queryable, plan: string): Promise<void> {
  await tx.query('UPDATE plan SET runs = runs + 1 WHERE name = $1', [plan]);
}

/** The newest run of a plan. */
export async function lastRunOf(tx: Queryable, plan: string): Promise<LastRun | undefined> {
  const [row] = await tx.query<{ id: string; state: RunState; ended_at: string | null; champion: boolean }>(
    `SELECT r.id, r.state, r.ended_at, EXISTS (
       SELECT FROM known_version v WHERE v.run = r.id AND v.revision = (SELECT max(revision) FROM known_version WHERE model = r.model)) AS champion
     FROM run r WHERE r.plan = $1 ORDER BY r.number DESC LIMIT 1`,
    [plan],
  );
  return row && { id: row.id, state: row.state, champion: row.champion, ...(row.ended_at === null ? {} : { endedAt: Number(row.ended_at) }) };
}

/** The open run of a plan. */
export async function openRunOf(tx: Queryable, plan: string): Promise<string | undefined> {
  const [row] = await tx.query<{ id: string }>(`SELECT id FROM run WHERE plan = $1 AND state IN ('waiting', 'running')`, [plan]);
  return row?.id;
}
