import { notFound, type registry } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import { currentTraceparent } from '@rhei/runtime';
import type { GateResult } from './gates';
import { unknownVersion, type Model, type Version } from './model';
import type { ModelSpec } from './model-spec';
import type { ProfileSummary } from './profile-summary';

/** What is kept about a version and decides nothing. Values are parsed JSON. */
export interface Lineage {
  cause: unknown;
  report: unknown;
  signature: unknown;
  example: unknown;
  card: unknown;
  parameters: unknown;
  trainingSetDigest: string;
  codeDigest: string;
  /** The run's as-of in microseconds; 0 for those of before it was kept. */
  asOf: number;
  /** Null for those of before it was kept. */
  profile: ProfileSummary | null;
}
export type KeptVersion = Version & Lineage & { model: string };

interface ModelRow { name: string; spec: ModelSpec; champion: number; revision: string }
interface VersionRow {
  model: string; version: number; digest: string; run: string; author: string; state: Version['state']; gates: GateResult[]; compared_with: string;
  approved_by: string; rejected_by: string; reason: string; registered_at: string; promoted_at: string;
  feature_set: string; feature_set_version: string; fit_until: string; cause: unknown; report: unknown; signature: unknown; example: unknown;
  card: unknown; parameters: unknown; training_set_digest: string; code_digest: string; brought: Version['brought']; as_of: string; profile: ProfileSummary | null;
}

/** The model with its versions, locked: two changes that read the same revision would both win. */
export async function lockModel(tx: Queryable, name: string): Promise<Model> {
  const [row] = await tx.query<ModelRow>('SELECT name, spec, champion, revision FROM model WHERE name = $1 FOR UPDATE', [name]);
  if (!row) throw unknownModel(name);
  const versions = await tx.query<VersionRow>('SELECT * FROM model_version WHERE model = $1 ORDER BY version', [name]);
  return { name, spec: row.spec, champion: row.champion, revision: Number(row.revision), versions: versions.map(toVersion) };
}

export const unknownModel = (name: string): Error => notFound(`There is no model "${name.slice(0, 100)}". Apply a resource of kind Model with this name first.`,
  { field: 'model', expected: 'a model that was applied', got: name.slice(0, 100), hint: 'rhei models list shows them; a resource of kind Model makes one' });

export async function applyModel(tx: Queryable, name: string, spec: ModelSpec, specVersion: number): Promise<void> {
  await tx.query(
    `INSERT INTO model (name, spec, spec_version) VALUES ($1, $2, $3)
     ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, spec_version = excluded.spec_version`,
    [name, canonicalJson(spec), specVersion],
  );
}

export async function insertVersion(tx: Queryable, model: string, v: Version, lineage: Lineage): Promise<void> {
  await tx.query(
    `INSERT INTO model_version (model, version, digest, run, author, state, gates, compared_with, approved_by, rejected_by, reason,
       registered_at, promoted_at, feature_set, feature_set_version, fit_until, cause, report, signature, example, card, parameters,
       training_set_digest, code_digest, traceparent, brought, as_of, profile)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)`,
    [model, v.version, v.digest, v.run, v.author, v.state, canonicalJson(v.gates), v.comparedWith, v.approvedBy, v.rejectedBy, v.reason,
      v.registeredAt, v.promotedAt, v.featureSet, v.featureSetVersion, v.fitUntil, canonicalJson(lineage.cause), canonicalJson(lineage.report),
      canonicalJson(lineage.signature), canonicalJson(lineage.example), canonicalJson(lineage.card), canonicalJson(lineage.parameters),
      lineage.trainingSetDigest, lineage.codeDigest, currentTraceparent(), canonicalJson(v.brought), lineage.asOf, canonicalJson(lineage.profile)],
  );
}

/** Writes what differs between two states of one model. */
export async function saveModel(tx: Queryable, before: Model, after: Model): Promise<void> {
  const changed = after.versions.filter((version, index) => version !== before.versions[index]);
  // The former champion goes first: the index that allows one champion looks at every row as it is written.
  changed.sort((a, b) => Number(a.state === 'champion') - Number(b.state === 'champion') || a.version - b.version);
  for (const v of changed) {
    await tx.query(
      `UPDATE model_version SET state = $3, gates = $4, approved_by = $5, rejected_by = $6, reason = $7, promoted_at = $8, brought = $9 WHERE model = $1 AND version = $2`,
      [after.name, v.version, v.state, canonicalJson(v.gates), v.approvedBy, v.rejectedBy, v.reason, v.promotedAt, canonicalJson(v.brought)],
    );
  }
  if (after.revision !== before.revision) await tx.query('UPDATE model SET champion = $2, revision = $3 WHERE name = $1', [after.name, after.champion, after.revision]);
}

export async function insertPromotion(tx: Queryable, promoted: registry.ModelVersionPromoted): Promise<void> {
  await tx.query('INSERT INTO promotion (model, revision, version, replaces, promoted_by, promoted_at, traceparent, kind, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)',
    [promoted.model, promoted.revision, promoted.version, promoted.replaces, promoted.by, promoted.promotedAt, currentTraceparent(), promoted.kind, promoted.reason]);
}

/** The traces in which a version was registered and promoted, oldest first, each once. */
export async function tracesOf(database: Queryable, model: string, version: number): Promise<string[]> {
  const rows = await database.query<{ traceparent: string }>(
    `SELECT traceparent FROM (
       SELECT 0 AS revision, traceparent FROM model_version WHERE model = $1 AND version = $2
       UNION ALL SELECT revision, traceparent FROM promotion WHERE model = $1 AND version = $2
     ) AS moves WHERE traceparent <> '' ORDER BY revision`, [model, version]);
  return [...new Set(rows.map(({ traceparent }) => traceparent))];
}

/** A model without its versions, and how many of them there are. */
export type ListedModel = Omit<Model, 'versions'> & { count: number; awaitingApproval: number; championSince: number };

export async function listModels(database: Queryable): Promise<ListedModel[]> {
  const rows = await database.query<ModelRow & { count: string; awaiting: string; since: string | null }>(
    `SELECT m.name, m.spec, m.champion, m.revision, count(v.version) AS count, count(*) FILTER (WHERE v.state = 'awaiting_approval') AS awaiting,
       max(v.promoted_at) FILTER (WHERE v.version = m.champion) AS since
     FROM model m LEFT JOIN model_version v ON v.model = m.name GROUP BY m.name ORDER BY m.name`);
  return rows.map(({ count, awaiting, since, ...row }) => ({
    ...row, revision: Number(row.revision), count: Number(count), awaitingApproval: Number(awaiting), championSince: Number(since ?? 0),
  }));
}

/** The versions of one model (all models: an empty name), in this state (any: undefined), by model and number. */
export async function listVersions(database: Queryable, model: string, state?: Version['state']): Promise<KeptVersion[]> {
  const rows = await database.query<VersionRow>(
    `SELECT * FROM model_version WHERE ($1 = '' OR model = $1) AND ($2::text IS NULL OR state = $2) ORDER BY model, version`, [model, state ?? null]);
  return rows.map((row) => ({ ...toVersion(row), model: row.model, cause: row.cause, report: row.report, signature: row.signature, example: row.example,
    card: row.card, parameters: row.parameters, trainingSetDigest: row.training_set_digest, codeDigest: row.code_digest, asOf: Number(row.as_of), profile: row.profile }));
}

/** Errors: `not_found`, for the model or the version. */
export async function readVersion(database: Queryable, model: string, version: number): Promise<{ model: ListedModel; version: KeptVersion }> {
  const found = (await listModels(database)).find(({ name }) => name === model);
  if (!found) throw unknownModel(model);
  const kept = (await listVersions(database, model)).find((each) => each.version === version);
  if (!kept) throw unknownVersion(model, version, found.count);
  return { model: found, version: kept };
}

interface PromotionRow {
  model: string; revision: string; version: number; digest: string; replaces: number; replaces_digest: string | null; promoted_by: string; promoted_at: string;
  feature_set: string; feature_set_version: string; fit_until: string; run: string; kind: string; reason: string;
}
const promotions = `SELECT p.model, p.revision, p.version, v.digest, p.replaces, r.digest AS replaces_digest, p.promoted_by, p.promoted_at, p.kind, p.reason,
    v.feature_set, v.feature_set_version, v.fit_until, v.run
  FROM promotion p JOIN model_version v ON v.model = p.model AND v.version = p.version
  LEFT JOIN model_version r ON r.model = p.model AND r.version = p.replaces`;

/** The present champion of every model, as the event that made it. */
export async function listChampions(database: Queryable): Promise<registry.ModelVersionPromoted[]> {
  return (await database.query<PromotionRow>(`${promotions} JOIN model m ON m.name = p.model AND m.revision = p.revision ORDER BY p.model`)).map(toPromotion);
}

/** Every move of the model's alias, oldest first. */
export async function listPromotions(database: Queryable, model: string): Promise<registry.ModelVersionPromoted[]> {
  return (await database.query<PromotionRow>(`${promotions} WHERE p.model = $1 ORDER BY p.revision`, [model])).map(toPromotion);
}

export async function countVersions(database: Queryable): Promise<{ models: number; versions: number; awaitingApproval: number }> {
  const [row] = await database.query<{ models: string; versions: string; awaiting: string }>(
    `SELECT (SELECT count(*) FROM model) AS models, count(*) AS versions, count(*) FILTER (WHERE state = 'awaiting_approval') AS awaiting FROM model_version`);
  return { models: Number(row.models), versions: Number(row.versions), awaitingApproval: Number(row.awaiting) };
}

/** Artifacts of all versions, whatever became of them: evidence stays. */
export async function keptBlobs(database: Queryable): Promise<string[]> {
  return (await database.query<{ digest: string }>('SELECT DISTINCT digest FROM model_version')).map(({ digest }) => digest);
}

const toPromotion = (row: PromotionRow): registry.ModelVersionPromoted => ({
  model: row.model, version: row.version, digest: row.digest, replaces: row.replaces, replacesDigest: row.replaces_digest ?? '',
  revision: Number(row.revision), by: row.promoted_by, promotedAt: Number(row.promoted_at), featureSet: row.feature_set,
  featureSetVersion: Number(row.feature_set_version), fitUntil: Number(row.fit_until), run: row.run, kind: row.kind, reason: row.reason,
});

const toVersion = (row: VersionRow): Version => ({
  version: row.version, digest: row.digest, run: row.run, author: row.author, state: row.state, gates: row.gates.map((gate) => ({ ...gate, rule: gate.rule ?? '' })), comparedWith: row.compared_with,
  approvedBy: row.approved_by, rejectedBy: row.rejected_by, reason: row.reason, brought: row.brought, registeredAt: Number(row.registered_at),
  promotedAt: Number(row.promoted_at), featureSet: row.feature_set, featureSetVersion: Number(row.feature_set_version), fitUntil: Number(row.fit_until),
});
