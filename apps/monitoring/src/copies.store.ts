import type { training } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Duration, Instant } from '@rhei/runtime';
import type { Profile } from './drift/reference';

export interface Deployment { name: string; model: string; featureSet: string }
export interface FeatureSet { name: string; maturity: Duration; request: Record<string, string>; features: string[] }
export interface Live { model: string; version: number; from: Instant }

/**
 * The row of a deployment, locked, with what is known of it. What depends on several copies holds this row first, so that of
 * two that arrive at once the later one sees the earlier.
 */
export async function holdDeployment(tx: Queryable, name: string): Promise<Deployment | undefined> {
  const [row] = await tx.query<{ model: string | null; feature_set: string | null }>(
    'INSERT INTO deployment (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING model, feature_set', [name]);
  return row.model === null ? undefined : { name, model: row.model, featureSet: row.feature_set ?? '' };
}

export async function keepDeployment(tx: Queryable, { name, model, featureSet }: Deployment): Promise<void> {
  await tx.query('INSERT INTO deployment (name, model, feature_set) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET model = excluded.model, feature_set = excluded.feature_set', [name, model, featureSet]);
  // Waits for a FeatureSetApplied that is under way, and makes a later one wait.
  await tx.query('INSERT INTO feature_set (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name', [featureSet]);
}

export async function findDeployment(database: Queryable, name: string): Promise<Deployment | undefined> {
  const [row] = await database.query<{ model: string; feature_set: string }>('SELECT model, feature_set FROM deployment WHERE name = $1 AND model IS NOT NULL', [name]);
  return row && { name, model: row.model, featureSet: row.feature_set };
}

/** Names of the deployments that read this feature set, in their order. */
export async function deploymentsOf(tx: Queryable, featureSet: string): Promise<string[]> {
  return (await tx.query<{ name: string }>('SELECT name FROM deployment WHERE feature_set = $1 ORDER BY name', [featureSet])).map(({ name }) => name);
}

export async function keepFeatureSet(tx: Queryable, { name, maturity, request, features }: FeatureSet): Promise<void> {
  await tx.query(
    `INSERT INTO feature_set (name, maturity, request, features) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO UPDATE SET maturity = excluded.maturity, request = excluded.request, features = excluded.features`,
    [name, maturity, canonicalJson(request), canonicalJson(features)]);
}

export async function findFeatureSet(database: Queryable, name: string): Promise<FeatureSet | undefined> {
  const [row] = await database.query<{ maturity: string; request: Record<string, string>; features: string[] }>('SELECT maturity, request, features FROM feature_set WHERE name = $1 AND maturity IS NOT NULL', [name]);
  return row && { name, maturity: Number(row.maturity), request: row.request, features: row.features };
}

export async function keepPlan(tx: Queryable, name: string, model: string): Promise<void> {
  await tx.query('INSERT INTO plan (name, model) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET model = excluded.model', [name, model]);
}

export async function isPlanned(database: Queryable, model: string): Promise<boolean> {
  const [row] = await database.query<{ planned: boolean }>('SELECT EXISTS (SELECT 1 FROM plan WHERE model = $1) AS planned', [model]);
  return row.planned;
}

export async function keepVersion(tx: Queryable, version: { model: string; version: number; asOf: Instant; profile: training.ReferenceProfile | undefined }): Promise<void> {
  await tx.query('INSERT INTO model_version (model, version, as_of, profile) VALUES ($1, $2, $3, $4) ON CONFLICT (model, version) DO NOTHING',
    [version.model, version.version, version.asOf, version.profile ? canonicalJson(version.profile) : null]);
}

/** The instant up to which the model's newest version could know labels; 0 before the first. */
export async function lastTraining(database: Queryable, model: string): Promise<Instant> {
  const [row] = await database.query<{ as_of: string | null }>('SELECT max(as_of) AS as_of FROM model_version WHERE model = $1', [model]);
  return Number(row.as_of ?? 0);
}

export async function findProfile(database: Queryable, model: string, version: number): Promise<Profile | undefined> {
  const [row] = await database.query<{ profile: training.ReferenceProfile | null }>('SELECT profile FROM model_version WHERE model = $1 AND version = $2', [model, version]);
  if (!row?.profile) return undefined;
  const { bucket, from, to, series } = row.profile;
  return {
    version, bucket, from, to,
    series: series.map(({ name, origin, edges, categories, buckets }) => ({
      name, origin, buckets, binning: categories.length > 0 ? { kind: 'categorical', categories } : { kind: 'numeric', edges },
    })),
  };
}

/** The as-of of the training of a version: what it could know; 0 where it is not known. */
export async function learntUntil(database: Queryable, model: string, version: number): Promise<Instant> {
  const [row] = await database.query<{ as_of: string }>('SELECT as_of FROM model_version WHERE model = $1 AND version = $2', [model, version]);
  return Number(row?.as_of ?? 0);
}

/**
 * Notes which version is live from here on; a revision under which the same one goes on is no new interval. Says whether it is one
 * that somebody promoted, and not a return that was told before.
 */
export async function keepLive(tx: Queryable, live: Live & { deployment: string; revision: number; digest: string }): Promise<boolean> {
  const now = await findLive(tx, live.deployment);
  if (now && (now.revision >= live.revision || (now.model === live.model && now.version === live.version))) return false;
  await tx.query(
    'INSERT INTO live_interval (deployment, revision, model, version, digest, live_from) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (deployment, revision) DO NOTHING',
    [live.deployment, live.revision, live.model, live.version, live.digest, live.from]);
  return now?.returnsTo !== live.version;
}

/** Notes that traffic shall go back from the version that is live, or from the one to which it was to go back already. */
export async function noteReturn(tx: Queryable, { deployment, model, version, live }: { deployment: string; model: string; version: number; live: number }): Promise<void> {
  await tx.query(
    `UPDATE live_interval SET returns_to = $4 WHERE deployment = $1 AND model = $2 AND (version = $3 OR returns_to = $3)
     AND revision = (SELECT max(revision) FROM live_interval WHERE deployment = $1)`, [deployment, model, version, live]);
}

/** Which version answers now, and since when anything does. */
export async function findLive(database: Queryable, deployment: string): Promise<(Live & { revision: number; since: Instant; returnsTo: number | null }) | undefined> {
  const [row] = await database.query<{ model: string; version: number; revision: string; live_from: string; since: string; returns_to: number | null }>(
    `SELECT model, version, revision, live_from, returns_to, (SELECT min(live_from) FROM live_interval WHERE deployment = $1) AS since
     FROM live_interval WHERE deployment = $1 ORDER BY revision DESC LIMIT 1`, [deployment]);
  return row && { model: row.model, version: row.version, revision: Number(row.revision), from: Number(row.live_from), since: Number(row.since), returnsTo: row.returns_to };
}

/** The versions of a model that were ever live under a deployment, in the order in which they first were, each with when that was. */
export async function everLive(database: Queryable, deployment: string, model: string): Promise<{ version: number; from: Instant }[]> {
  const rows = await database.query<{ version: number; live_from: string }>(
    'SELECT version, min(live_from) AS live_from FROM live_interval WHERE deployment = $1 AND model = $2 GROUP BY version ORDER BY min(revision)', [deployment, model]);
  return rows.map(({ version, live_from }) => ({ version, from: Number(live_from) }));
}
