import type { Transaction } from '@rhei/runtime';
import { compared, type Plan } from '../traffic/plan';
import type { ComparedRow } from './figures';

/** Rows of a rollout that are looked at, the newest ones: more would not change what they say. */
const mostRows = 200_000;

/** What a candidate scored since its rollout began beside what the live version scored, with matured labels, by (as-of, id). */
export async function comparedRows(tx: Transaction, plan: Plan, featureSet: string): Promise<ComparedRow[]> {
  const versions = compared(plan);
  if (versions === undefined) return [];
  return tx.query<ComparedRow>(
    `SELECT * FROM (
       SELECT c.id, c.as_of AS "asOf", c.role, c.traffic, (c.outputs ->> 'probability')::float8 AS candidate, (l.outputs ->> 'probability')::float8 AS live, label.value AS label
       FROM prediction c
       LEFT JOIN prediction l ON l.id = c.id AND l.version = $3 AND l.role IN ('live', 'canary', 'shadow')
       LEFT JOIN label ON label.feature_set = $4 AND label.example = c.example AND c.example <> '' AND NOT label.withdrawn AND label.matures_at <= $8
       WHERE c.deployment = $1 AND c.version = $2 AND c.model = $9 AND c.role IN ('live', 'canary', 'shadow', 'failed') AND c.traffic BETWEEN $5 AND $6 AND c.as_of BETWEEN $7 AND $8
       ORDER BY c.as_of DESC, c.id COLLATE "C" DESC LIMIT ${mostRows}) AS newest ORDER BY "asOf", id COLLATE "C"`,
    [plan.deployment, versions.candidate.version, versions.live.version, featureSet, plan.rolloutFrom, plan.revision, plan.rolloutSince, tx.now, plan.model],
  );
}
