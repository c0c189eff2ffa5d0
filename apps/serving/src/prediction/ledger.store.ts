import { notFound, serving, type feature, type RheiError } from '@rhei/contracts';
import { digestOf } from '@rhei/expressions';
import { shardOf } from '@rhei/messaging';
import { currentTraceparent, type Database, type Instant, type Transaction } from '@rhei/runtime';
import type { FieldValues } from './request-fields';

/**
 * `live` and `canary` answered the caller, `fallback` is the declared answer of no model, `named` answered a raw tensor;
 * `shadow` scored the same question beside, and `failed` could not answer it.
 */
export type LedgerRole = 'live' | 'canary' | 'fallback' | 'named' | 'shadow' | 'failed';

/** One score and everything that made it. */
export interface LedgerRow {
  id: string;
  /** 0 of a fallback, which no model made. */
  version: number;
  role: LedgerRole;
  deployment: string;
  model: string;
  featureSet: string;
  /** Of the set that gave the features; 0: none did, or it was not kept then. */
  featureSetVersion: number;
  digest: string;
  example: string;
  exampleTime: Instant;
  asOf: Instant;
  inputsDigest: string;
  request: FieldValues | { features: (number | null)[] };
  features: feature.FeatureValue[];
  /** Empty where there is an error. */
  outputs: Record<string, number>;
  /** The trace in which it was answered. */
  traceparent: string;
  /** The plan of traffic under which it was answered; 0: none. */
  traffic: number;
  /** Why the fallback answered. */
  reason: string;
  /** Why there is no score. */
  error: string;
}

/** What makes two requests with one id the same. */
export const inputsDigest = (deployment: string, version: string, request: LedgerRow['request'], rows: number): string => digestOf({ target: `${deployment}:${version}`, request, rows });

const columns = `id, version, role, deployment, model, feature_set AS "featureSet", feature_set_version AS "featureSetVersion", digest, example, example_time AS "exampleTime", as_of AS "asOf", inputs_digest AS "inputsDigest",
  request, features, outputs, traceparent, traffic, reason, error`;
/** What is told to others. A named version was asked with a vector that nobody knows more of, and a failure is no score. */
const said = new Set<LedgerRole>(['live', 'canary', 'fallback', 'shadow']);
const served = `role IN ('live', 'canary', 'fallback')`;
/** What came back to a caller, by which one id is answered once. */
const answeredRoles: LedgerRole[] = ['live', 'canary', 'fallback', 'named'];
const answered = `role IN ('live', 'canary', 'fallback', 'named')`;
/** Rows of a count that is kept in parts: commits on so many connections in a row wait for none of each other. */
const slots = 32;

export interface Listing {
  deployment: string;
  from: Instant;
  /** 0: open. */
  to: Instant;
  /** Empty: all that were answered. */
  role: string;
  limit: number;
}

/** The refusal of a question about what is not on record. */
export const unknownPrediction = (id: string): RheiError =>
  notFound(`There is no prediction "${id.slice(0, 100)}".`, { field: 'id', expected: 'the id of a prediction on record', got: id.slice(0, 100), hint: 'rhei predictions list shows the newest; row i of several is <id>/<i>' });

/** The ledger of predictions. Rows are written once and never changed. */
export class LedgerStore {
  constructor(private readonly database: Database) {}

  /** What was answered under these ids. */
  find(ids: string[]): Promise<LedgerRow[]> {
    return this.database.query(`SELECT ${columns} FROM prediction WHERE id = ANY($1) AND ${answered}`, [ids]);
  }

  /** Everything that was scored for one question: first what was answered, then by version. */
  all(id: string): Promise<LedgerRow[]> {
    return this.database.query(`SELECT ${columns} FROM prediction WHERE id = $1 ORDER BY NOT ${answered}, version, role`, [id]);
  }

  /** The newest first: the newest of each deployment and role by the index, of which the newest are taken. */
  list({ deployment, from, to, role, limit }: Listing): Promise<LedgerRow[]> {
    return this.database.query(
      `SELECT ${columns} FROM (SELECT DISTINCT deployment AS d, role AS r FROM ledger_count WHERE ($1 = '' OR deployment = $1) AND role = ANY($4)) AS known
       CROSS JOIN LATERAL (
         SELECT * FROM prediction WHERE deployment = known.d AND role = known.r AND as_of >= $2 AND as_of < $3 ORDER BY as_of DESC, id COLLATE "C" DESC, version LIMIT $5) AS newest
       ORDER BY as_of DESC, id COLLATE "C" DESC, version LIMIT $5`, [deployment, from, to === 0 ? Number.MAX_SAFE_INTEGER : to, role === '' ? answeredRoles : [role], limit]);
  }

  /** Writes rows and says so, in one transaction; what is there already stays as it is. Returns the ids that were written. */
  async append(tx: Transaction, rows: LedgerRow[]): Promise<Set<string>> {
    // In one order on all replicas: two that write the same ids at once would wait for each other.
    const sorted = [...rows].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.version - b.version));
    const list = <T>(pick: (row: LedgerRow) => T): T[] => sorted.map(pick);
    const written = await tx.query<{ id: string; version: number; role: LedgerRole }>(
      `WITH written AS (
         INSERT INTO prediction (id, version, role, deployment, model, feature_set, digest, example, example_time, as_of, inputs_digest, request, features, outputs, traceparent, traffic, reason, error, feature_set_version)
         SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::text[],
           $12::jsonb[], $13::jsonb[], $14::jsonb[], $15::text[], $16::bigint[], $17::text[], $18::text[], $19::bigint[])
         ON CONFLICT DO NOTHING RETURNING id, version, role, deployment),
       counted AS (
         INSERT INTO ledger_count (deployment, role, slot, count)
         SELECT deployment, role, pg_backend_pid() % ${slots}, count(*) FROM written GROUP BY deployment, role ORDER BY deployment, role
         ON CONFLICT (deployment, role, slot) DO UPDATE SET count = ledger_count.count + excluded.count)
       SELECT id, version, role FROM written`,
      [
        list((row) => row.id), list((row) => row.version), list((row) => row.role), list((row) => row.deployment), list((row) => row.model), list((row) => row.featureSet), list((row) => row.digest),
        list((row) => row.example), list((row) => row.exampleTime), list((row) => row.asOf), list((row) => row.inputsDigest),
        list((row) => JSON.stringify(row.request)), list((row) => JSON.stringify(row.features)), list((row) => JSON.stringify(row.outputs)), list((row) => row.traceparent),
        list((row) => row.traffic), list((row) => row.reason), list((row) => row.error), list((row) => row.featureSetVersion),
      ],
    );
    const keyOf = ({ id, version, role }: Pick<LedgerRow, 'id' | 'version' | 'role'>): string => `${version} ${role} ${id}`;
    const keys = new Set(written.map(keyOf));
    for (const batch of batches(rows.filter((row) => said.has(row.role) && keys.has(keyOf(row))))) await tx.emit('PredictionServed', batch.shard, batch);
    return new Set(written.map(({ id }) => id));
  }

  async count(): Promise<number> {
    return (await this.figures()).predictions;
  }

  /** Answers, declared answers and scores in shadow. */
  async figures(): Promise<Record<string, number>> {
    const [row] = await this.database.query<{ predictions: number; fallbacks: number; shadows: number }>(
      `SELECT coalesce(sum(count) FILTER (WHERE ${served}), 0)::bigint AS predictions, coalesce(sum(count) FILTER (WHERE role = 'fallback'), 0)::bigint AS fallbacks,
         coalesce(sum(count) FILTER (WHERE role = 'shadow'), 0)::bigint AS shadows FROM ledger_count`);
    return { predictions: row.predictions, ...(row.fallbacks > 0 && { fallbacks: row.fallbacks }), ...(row.shadows > 0 && { shadows: row.shadows }) };
  }

  async countByDeployment(): Promise<Map<string, number>> {
    const rows = await this.database.query<{ deployment: string; count: number }>(`SELECT deployment, sum(count)::bigint AS count FROM ledger_count WHERE ${served} GROUP BY deployment`);
    return new Map(rows.map(({ deployment, count }) => [deployment, count]));
  }

  /** All that callers were answered, by id, a page at a time. */
  async *served(): AsyncIterable<unknown> {
    const page = 1_000;
    for (let after = ''; ;) {
      const rows = await this.database.query<LedgerRow>(`SELECT ${columns} FROM prediction WHERE ${served} AND id COLLATE "C" > $1 ORDER BY id COLLATE "C" LIMIT ${page}`, [after]);
      for (const { id, asOf, digest, features, outputs } of rows) yield { id, asOf, model: digest, features, outputs };
      if (rows.length < page) return;
      after = rows.at(-1)!.id;
    }
  }
}

/** One event per deployment, what it answered with and from, and shard of the prediction's id. */
function batches(rows: LedgerRow[]): (serving.PredictionServed & { shard: number })[] {
  const found = new Map<string, serving.PredictionServed>();
  for (const row of rows) {
    const shard = shardOf('serving.predictions', row.id);
    const key = JSON.stringify([row.deployment, row.model, row.featureSet, shard]);
    const batch = found.get(key) ?? { deployment: row.deployment, model: row.model, featureSet: row.featureSet, shard, predictions: [] };
    found.set(key, batch);
    batch.predictions.push(asMessage(row));
  }
  return [...found.values()];
}

/** As the event and the doors tell it. */
export const asMessage = ({ id, version, role, digest, example, exampleTime, asOf, request, features, featureSetVersion, outputs, traffic, reason, error }: LedgerRow): serving.Prediction =>
  ({ id, version, role, digest, example, exampleTime, asOf, requestJson: JSON.stringify(request), features, featureSetVersion, outputs, traffic, reason, error });

/** A score, or the failure to make one, beside what was answered to the same question. */
export const besideRow = (of: { prediction: serving.Prediction } & Pick<LedgerRow, 'deployment' | 'model' | 'featureSet'>, version: { version: number; digest: string }, score: number | undefined, error: string): LedgerRow => {
  const { prediction: { id, example, exampleTime, asOf, requestJson, features, featureSetVersion, traffic }, deployment, model, featureSet } = of;
  return {
    id, ...version, role: 'shadow', deployment, model, featureSet, featureSetVersion, example, exampleTime, asOf, inputsDigest: '', request: JSON.parse(requestJson) as FieldValues, features,
    outputs: score === undefined ? {} : { probability: score }, traceparent: currentTraceparent(), traffic, reason: '', error,
  };
};
