import { serving, type feature } from '@rhei/contracts';
import { digestOf } from '@rhei/expressions';
import { shardOf } from '@rhei/messaging';
import type { Database, Instant, Transaction } from '@rhei/runtime';
import type { FieldValues } from './request-fields';

/** One answer and everything that made it. */
export interface LedgerRow {
  id: string;
  version: number;
  role: 'live' | 'named';
  deployment: string;
  model: string;
  featureSet: string;
  digest: string;
  example: string;
  exampleTime: Instant;
  asOf: Instant;
  inputsDigest: string;
  request: FieldValues | { features: (number | null)[] };
  features: feature.FeatureValue[];
  outputs: Record<string, number>;
  /** The trace in which it was answered. */
  traceparent: string;
}

/** What makes two requests with one id the same. */
export const inputsDigest = (deployment: string, version: string, request: LedgerRow['request'], rows: number): string => digestOf({ target: `${deployment}:${version}`, request, rows });

const columns = 'id, version, role, deployment, model, digest, example, example_time AS "exampleTime", as_of AS "asOf", inputs_digest AS "inputsDigest", request, features, outputs, traceparent';

/** The ledger of predictions. Rows are written once and never changed. */
export class LedgerStore {
  constructor(private readonly database: Database) {}

  find(ids: string[]): Promise<Omit<LedgerRow, 'featureSet'>[]> {
    return this.database.query(`SELECT ${columns} FROM prediction WHERE id = ANY($1) AND role IN ('live', 'named')`, [ids]);
  }

  /** Writes rows and says so, in one transaction; what is there already stays as it is. Returns the ids that were written. */
  async append(tx: Transaction, rows: LedgerRow[]): Promise<Set<string>> {
    // In one order on all replicas: two that write the same ids at once would wait for each other.
    const sorted = [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
    const list = <T>(pick: (row: LedgerRow) => T): T[] => sorted.map(pick);
    const written = await tx.query<{ id: string }>(
      `INSERT INTO prediction (id, version, role, deployment, model, digest, example, example_time, as_of, inputs_digest, request, features, outputs, traceparent)
       SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::text[], $11::jsonb[], $12::jsonb[], $13::jsonb[], $14::text[])
       ON CONFLICT DO NOTHING RETURNING id`,
      [
        list((row) => row.id), list((row) => row.version), list((row) => row.role), list((row) => row.deployment), list((row) => row.model), list((row) => row.digest),
        list((row) => row.example), list((row) => row.exampleTime), list((row) => row.asOf), list((row) => row.inputsDigest),
        list((row) => JSON.stringify(row.request)), list((row) => JSON.stringify(row.features)), list((row) => JSON.stringify(row.outputs)), list((row) => row.traceparent),
      ],
    );
    const ids = new Set(written.map(({ id }) => id));
    for (const batch of batches(rows.filter(({ id, role }) => role === 'live' && ids.has(id)))) await tx.emit('PredictionServed', batch.shard, batch);
    return ids;
  }

  async count(): Promise<number> {
    const [{ count }] = await this.database.query<{ count: number }>(`SELECT count(*) AS count FROM prediction WHERE role = 'live'`);
    return count;
  }

  async countByDeployment(): Promise<Map<string, number>> {
    const rows = await this.database.query<{ deployment: string; count: number }>(`SELECT deployment, count(*) AS count FROM prediction WHERE role = 'live' GROUP BY deployment`);
    return new Map(rows.map(({ deployment, count }) => [deployment, count]));
  }

  /** All live rows by id, a page at a time. */
  async *live(): AsyncIterable<unknown> {
    const page = 1_000;
    for (let after = ''; ;) {
      const rows = await this.database.query<Omit<LedgerRow, 'featureSet'>>(
        `SELECT ${columns} FROM prediction WHERE role = 'live' AND id COLLATE "C" > $1 ORDER BY id COLLATE "C" LIMIT ${page}`, [after],
      );
      for (const { id, asOf, digest, features, outputs } of rows) yield { id, asOf, model: digest, features, outputs };
      if (rows.length < page) return;
      after = rows.at(-1)!.id;
    }
  }
}

/** One event per deployment and shard of the prediction's id. */
function batches(rows: LedgerRow[]): (serving.PredictionServed & { shard: number })[] {
  const found = new Map<string, serving.PredictionServed>();
  for (const row of rows) {
    const shard = shardOf('serving.predictions', row.id);
    const key = `${row.deployment}\n${shard}`;
    const batch = found.get(key) ?? { deployment: row.deployment, model: row.model, featureSet: row.featureSet, shard, predictions: [] };
    found.set(key, batch);
    batch.predictions.push({
      id: row.id, version: row.version, role: row.role, digest: row.digest, example: row.example, exampleTime: row.exampleTime, asOf: row.asOf,
      requestJson: JSON.stringify(row.request), features: row.features, outputs: row.outputs, traffic: 0, reason: '', error: '',
    });
  }
  return [...found.values()];
}
