import { notFound } from '@rhei/contracts';
import { canonicalJson, type Instant } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { FitRecord, FitReport } from './fit/task';
import type { PlanSpec } from './plan-spec';
import type { BuildState, Cause, Champion, Reads, Run, RunState } from './run';

interface RunRow {
  id: string; plan: string; model: string; feature_set: string; feature_set_version: string; reads: Reads; spec: PlanSpec; state: RunState; as_of: string; cause: Cause; by: string;
  request_id: string | null; build: BuildState; training_set: string; manifest_digest: string; training_set_digest: string; champion: Champion | null;
  progress: number; phase: string; no_cache: boolean; cached_from: string | null; deaths: number; report: FitReport | null; record: FitRecord | null; artifact_digest: string; failure: string;
  traceparent: string; ended_at: string | null; seconds: number;
}
const toRun = (row: RunRow): Run => ({
  id: row.id, plan: row.plan, model: row.model, featureSet: row.feature_set, featureSetVersion: Number(row.feature_set_version), reads: row.reads, spec: row.spec, state: row.state,
  asOf: Number(row.as_of), cause: row.cause, by: row.by, build: row.build, trainingSet: row.training_set, manifestDigest: row.manifest_digest,
  trainingSetDigest: row.training_set_digest, progress: row.progress, phase: row.phase, noCache: row.no_cache, deaths: row.deaths, artifactDigest: row.artifact_digest, failure: row.failure,
  traceparent: row.traceparent, seconds: row.seconds,
  ...(row.cached_from === null ? {} : { cachedFrom: row.cached_from }),
  ...(row.record === null ? {} : { record: row.record }),
  ...(row.request_id === null ? {} : { requestId: row.request_id }),
  ...(row.champion === null ? {} : { champion: row.champion }),
  ...(row.report === null ? {} : { report: row.report }),
  ...(row.ended_at === null ? {} : { endedAt: Number(row.ended_at) }),
});

export async function insertRun(tx: Queryable, run: Run, number: number): Promise<void> {
  await tx.query(
    `INSERT INTO run (id, plan, number, model, feature_set, feature_set_version, reads, spec, state, as_of, cause, by, request_id, traceparent, no_cache)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [run.id, run.plan, number, run.model, run.featureSet, run.featureSetVersion, canonicalJson(run.reads), canonicalJson(run.spec), run.state,
      run.asOf, canonicalJson(run.cause), run.by, run.requestId ?? null, run.traceparent, run.noCache],
  );
}

export async function findRun(q: Queryable, id: string): Promise<Run | undefined> {
  const [row] = await q.query<RunRow>('SELECT * FROM run WHERE id = $1', [id]);
  return row && toRun(row);
}

/** The run; `field` is where a caller named it. Errors: `not_found`. */
export async function runNamed(q: Queryable, id: string, field = 'run'): Promise<Run> {
  return (await findRun(q, id)) ?? Promise.reject(notFound(`There is no run "${id}".`, { field, expected: 'the id of a run', got: id, hint: '"rhei runs list" names them' }));
}

/** The run, locked against every other change of it. */
export async function lockRun(tx: Queryable, id: string): Promise<Run | undefined> {
  const [row] = await tx.query<RunRow>('SELECT * FROM run WHERE id = $1 FOR UPDATE', [id]);
  return row && toRun(row);
}

export async function runOfRequest(q: Queryable, plan: string, requestId: string): Promise<Run | undefined> {
  const [row] = await q.query<RunRow>('SELECT * FROM run WHERE plan = $1 AND request_id = $2', [plan, requestId]);
  return row && toRun(row);
}

export interface RunPage {
  /** Empty: all; so with `plan`. */
  model: string;
  plan: string;
  states: readonly RunState[];
  limit: number;
  /** The last run of the page before; empty: the first page. */
  after: string;
}

/** The newest first; `total` counts those of all pages. Errors: `not_found` where there is no run `after`. */
export async function pageOfRuns(q: Queryable, { model, plan, states, limit, after }: RunPage): Promise<{ runs: Run[]; total: number }> {
  if (after !== '') await runNamed(q, after, 'after');
  const those = `($1 = '' OR model = $1) AND ($2 = '' OR plan = $2) AND state = ANY($3::text[])`;
  const rows = await q.query<RunRow>(
    `SELECT * FROM run WHERE ${those} AND ($4 = '' OR (as_of, number, id) < (SELECT as_of, number, id FROM run WHERE id = $4))
     ORDER BY as_of DESC, number DESC, id DESC LIMIT $5`, [model, plan, states, after, limit]);
  const [{ total }] = await q.query<{ total: string }>(`SELECT count(*) AS total FROM run WHERE ${those}`, [model, plan, states]);
  return { runs: rows.map(toRun), total: Number(total) };
}

export async function waitingRuns(q: Queryable): Promise<Run[]> {
  return (await q.query<RunRow>(`SELECT * FROM run WHERE state = 'waiting' ORDER BY as_of, id`)).map(toRun);
}

/** Waiting runs for this training set, locked; those that were not told its id yet come too. */
export async function lockRunsWaitingFor(tx: Queryable, featureSet: string, asOf: Instant, trainingSet: string): Promise<Run[]> {
  const rows = await tx.query<RunRow>(
    `SELECT * FROM run WHERE state = 'waiting' AND feature_set = $1 AND as_of = $2 AND training_set IN ($3, '') ORDER BY id FOR UPDATE`, [featureSet, asOf, trainingSet]);
  return rows.map(toRun);
}

export async function saveHeardTrainingSet(tx: Queryable, id: string, trainingSet: string): Promise<void> {
  await tx.query('UPDATE run SET heard_training_set = $2 WHERE id = $1', [id, trainingSet]);
}

/**
 * Keeps that the feature service builds. When its event came before this answer was kept, the run counts as not asked:
 * the next question gets the final answer.
 */
export async function saveBuilding(tx: Queryable, id: string, trainingSet: string): Promise<BuildState> {
  const [row] = await tx.query<{ build: BuildState }>(
    `WITH changed AS (UPDATE run SET training_set = $2, build = CASE WHEN heard_training_set = $2 THEN 'unasked' ELSE 'building' END
       WHERE id = $1 AND state = 'waiting' RETURNING build)
     SELECT build FROM changed`, [id, trainingSet]);
  return row?.build ?? 'built';
}

export async function saveBegun(tx: Queryable, run: Run): Promise<void> {
  await tx.query(
    `UPDATE run SET state = 'running', build = 'built', training_set = $2, manifest_digest = $3, training_set_digest = $4, champion = $5 WHERE id = $1`,
    [run.id, run.trainingSet, run.manifestDigest, run.trainingSetDigest, run.champion ? canonicalJson(run.champion) : null],
  );
}

export interface RunEnd {
  state: RunState;
  failure?: string;
  report?: FitReport;
  record?: FitRecord;
  artifactDigest?: string;
  inputsDigest?: string;
  cachedFrom?: string;
  at: Instant;
  seconds?: number;
}

/** Ends the run. The token of its lease grows, so whoever still works on it can write nothing more. */
export async function saveEnd(tx: Queryable, id: string, end: RunEnd): Promise<void> {
  const json = (value: unknown): string | null => (value === undefined ? null : canonicalJson(value));
  await tx.query(
    `UPDATE run SET state = $2, failure = $3, report = $4, record = $5, artifact_digest = $6, inputs_digest = $7, cached_from = $8, ended_at = $9, seconds = $10,
       lease_holder = '', lease_token = lease_token + 1, phase = '', progress = CASE WHEN $2 = 'succeeded' THEN 1 ELSE progress END WHERE id = $1`,
    [id, end.state, end.failure ?? '', json(end.report), json(end.record), end.artifactDigest ?? '', end.inputsDigest ?? '', end.cachedFrom ?? null, end.at, end.seconds ?? 0],
  );
}

/** The first run of a plan that succeeded and rests on the same inputs; one that was taken from another is not the first. */
export async function runOfInputs(q: Queryable, plan: string, inputsDigest: string): Promise<string | undefined> {
  const [row] = await q.query<{ id: string }>(
    `SELECT id FROM run WHERE plan = $1 AND inputs_digest = $2 AND state = 'succeeded' AND cached_from IS NULL ORDER BY number LIMIT 1`, [plan, inputsDigest]);
  return row?.id;
}

export async function countRuns(q: Queryable): Promise<{ runs: number; succeeded: number; failed: number; open: number; inFlight: number }> {
  const [row] = await q.query<Record<'runs' | 'succeeded' | 'failed' | 'open' | 'in_flight', string>>(
    `SELECT count(*) AS runs, count(*) FILTER (WHERE state = 'succeeded') AS succeeded, count(*) FILTER (WHERE state = 'failed') AS failed,
       count(*) FILTER (WHERE state IN ('waiting', 'running')) AS open,
       count(*) FILTER (WHERE state = 'running' OR (state = 'waiting' AND build <> 'building')) + (SELECT count(*) FROM reproduction WHERE state = 'running') AS in_flight FROM run`);
  return { runs: Number(row.runs), succeeded: Number(row.succeeded), failed: Number(row.failed), open: Number(row.open), inFlight: Number(row.in_flight) };
}

/** What runs read, compare with and have made. */
export async function keptBlobs(q: Queryable): Promise<string[]> {
  const rows = await q.query<{ digest: string }>(`
    SELECT digest FROM (SELECT manifest_digest AS digest FROM run UNION SELECT artifact_digest FROM run UNION SELECT champion ->> 'digest' FROM run) AS named WHERE digest <> ''`);
  return rows.map(({ digest }) => digest);
}

/** Artifacts of the runs that succeeded, by (as-of, run). */
export async function listArtifacts(q: Queryable): Promise<{ digest: string }[]> {
  return q.query<{ digest: string }>(`SELECT artifact_digest AS digest FROM run WHERE state = 'succeeded' ORDER BY as_of, id`);
}
