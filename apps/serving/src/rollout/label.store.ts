import type { feature } from '@rhei/contracts';
import type { Transaction } from '@rhei/runtime';

/**
 * Keeps the newest revision of labels that a rollout may read: those of feature sets that a deployment with a rollout under way
 * reads. What was labelled before a rollout began is about questions from before it.
 */
export async function keepLabels(tx: Transaction, labels: feature.Label[]): Promise<void> {
  // The last one of an example counts, in one order on all replicas.
  const newest = new Map<string, feature.Label>();
  for (const label of labels) {
    const key = JSON.stringify([label.featureSet, label.example]);
    if ((newest.get(key)?.revision ?? -1) < label.revision) newest.set(key, label);
  }
  const rows = [...newest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, label]) => label);
  const list = <T>(pick: (label: feature.Label) => T): T[] => rows.map(pick);
  await tx.query(
    `INSERT INTO label (feature_set, example, revision, value, matures_at, withdrawn)
     SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::float8[], $5::bigint[], $6::boolean[]) AS l (feature_set, example, revision, value, matures_at, withdrawn)
     WHERE l.feature_set IN (SELECT feature_set FROM deployment WHERE EXISTS (SELECT FROM traffic WHERE traffic.deployment = deployment.name AND under_way AND failure IS NULL))
     ON CONFLICT (feature_set, example) DO UPDATE SET revision = excluded.revision, value = excluded.value, matures_at = excluded.matures_at, withdrawn = excluded.withdrawn
       WHERE excluded.revision > label.revision`,
    [list((l) => l.featureSet), list((l) => l.example), list((l) => l.revision), list((l) => l.value), list((l) => l.maturesAt), list((l) => l.withdrawn)],
  );
}

/** Lets go of the labels of a feature set that no rollout reads any more. */
export async function forgetLabels(tx: Transaction, featureSet: string): Promise<void> {
  await tx.query(
    `DELETE FROM label WHERE feature_set = $1
     AND NOT EXISTS (SELECT FROM deployment JOIN traffic ON traffic.deployment = deployment.name WHERE deployment.feature_set = $1 AND under_way AND failure IS NULL)`, [featureSet]);
}
