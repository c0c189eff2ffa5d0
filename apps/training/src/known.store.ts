import type { feature, registry } from '@rhei/contracts';
import { canonicalJson, type Duration, type Instant } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Champion } from './run';

/** The training service's own copies of what other services said. */

export async function keepModel(tx: Queryable, { name, version }: registry.ModelApplied): Promise<void> {
  await tx.query(
    `INSERT INTO known_model (name, version) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET version = excluded.version WHERE known_model.version < excluded.version`,
    [name, version],
  );
}

export const knowsModel = async (q: Queryable, name: string): Promise<boolean> =>
  (await q.query('SELECT 1 FROM known_model WHERE name = $1', [name])).length > 0;

export async function keepFeatureSet(tx: Queryable, set: feature.FeatureSetApplied): Promise<void> {
  await tx.query(
    `INSERT INTO known_feature_set (name, version, spec, longest_window, features) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (name) DO UPDATE SET version = excluded.version, spec = excluded.spec, longest_window = excluded.longest_window, features = excluded.features
     WHERE known_feature_set.version < excluded.version`,
    [set.name, set.version, set.specJson, set.longestWindow, canonicalJson(set.features)],
  );
}

export interface KnownFeatureSet {
  name: string;
  version: number;
  spec: unknown;
  longestWindow: Duration;
  /** Names of the model's inputs, in order. */
  features: string[];
}

export async function findFeatureSet(q: Queryable, name: string): Promise<KnownFeatureSet | undefined> {
  const [row] = await q.query<{ version: string; spec: unknown; longest_window: string; features: string[] }>(
    'SELECT version, spec, longest_window, features FROM known_feature_set WHERE name = $1', [name]);
  return row && { name, version: Number(row.version), spec: row.spec, longestWindow: Number(row.longest_window), features: row.features };
}

/** A restated label keeps the arrival of its first revision: from then on the example could be used, until it is taken back. */
export async function keepLabels(tx: Queryable, labels: readonly feature.Label[]): Promise<void> {
  await tx.query(
    `INSERT INTO known_label (feature_set, example, example_time, matures_at, arrival, revision, withdrawn)
     SELECT DISTINCT ON (f, e) f, e, t, m, min(a) OVER (PARTITION BY f, e), r, w
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::integer[], $7::boolean[]) AS l (f, e, t, m, a, r, w) ORDER BY f, e, r DESC
     ON CONFLICT (feature_set, example) DO UPDATE SET example_time = excluded.example_time, matures_at = excluded.matures_at, revision = excluded.revision, withdrawn = excluded.withdrawn
     WHERE known_label.revision < excluded.revision`,
    [labels.map((l) => l.featureSet), labels.map((l) => l.example), labels.map((l) => l.exampleTime), labels.map((l) => l.maturesAt), labels.map((l) => l.arrival),
      labels.map((l) => l.revision), labels.map((l) => l.withdrawn)],
  );
}

/** Labels of a feature set that are known, mature and not taken back at `now`, and when the oldest known example happened. */
export async function countLabels(q: Queryable, featureSet: string, now: Instant): Promise<{ mature: number; first?: Instant }> {
  const [row] = await q.query<{ mature: string; first: string | null }>(
    `SELECT count(*) FILTER (WHERE matures_at <= $2) AS mature, min(example_time) AS first FROM known_label WHERE feature_set = $1 AND arrival <= $2 AND NOT withdrawn`,
    [featureSet, now],
  );
  return { mature: Number(row.mature), ...(row.first === null ? {} : { first: Number(row.first) }) };
}

export async function keepVersion(tx: Queryable, { model, version, digest, run }: registry.ModelVersionRegistered): Promise<void> {
  await tx.query('INSERT INTO known_version (model, version, digest, run) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING', [model, version, digest, run]);
}

export async function keepPromotion(tx: Queryable, { model, version, digest, run, fitUntil, revision }: registry.ModelVersionPromoted): Promise<void> {
  await tx.query(
    `INSERT INTO known_version (model, version, digest, run, fit_until, revision) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (model, version) DO UPDATE SET fit_until = excluded.fit_until, revision = GREATEST(known_version.revision, excluded.revision)`,
    [model, version, digest, run, fitUntil, revision],
  );
}

/** The version that was promoted last. */
export async function championOf(q: Queryable, model: string): Promise<Champion | undefined> {
  const [row] = await q.query<{ version: number; digest: string; fit_until: string }>(
    'SELECT version, digest, fit_until FROM known_version WHERE model = $1 AND revision IS NOT NULL ORDER BY revision DESC LIMIT 1', [model]);
  return row && { version: row.version, digest: row.digest, fitUntil: Number(row.fit_until) };
}

export async function countPromoted(q: Queryable, model: string): Promise<number> {
  const [row] = await q.query<{ count: string }>('SELECT count(*) FROM known_version WHERE model = $1 AND revision IS NOT NULL', [model]);
  return Number(row.count);
}

/** The version that a run became, if it did. */
export async function versionOfRun(q: Queryable, run: string): Promise<{ model: string; version: number; promoted: boolean } | undefined> {
  const [row] = await q.query<{ model: string; version: number; promoted: boolean }>(
    'SELECT model, version, revision IS NOT NULL AS promoted FROM known_version WHERE run = $1', [run]);
  return row;
}
