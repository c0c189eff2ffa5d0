import { DuckDBInstance } from '@duckdb/node-api';
import { serviceNames, type ServiceName } from '@rhei/contracts';
import { openBlobs, startCluster, type EmbeddedCluster } from '@rhei/runtime';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

type Row = Record<string, unknown>;

/** What a stopped platform left in its folder, read without any service of it. */
export class StoppedPlatform {
  private constructor(private readonly folder: string, private readonly cluster: EmbeddedCluster) {}

  static async open(folder: string): Promise<StoppedPlatform> {
    return new StoppedPlatform(folder, await startCluster({ folder: join(folder, 'postgres') }));
  }

  /** Rows of one service's database, read as the superuser; 64-bit integers come as text. */
  async query<R = Row>(service: ServiceName, sql: string): Promise<R[]> {
    const client = new Client({ connectionString: this.cluster.adminUrl(service) });
    await client.connect();
    try {
      return (await client.query(sql)).rows as R[];
    } finally {
      await client.end();
    }
  }

  /** The bytes of a blob, held to its digest here and not only where they are read. */
  async blob(digest: string): Promise<Uint8Array> {
    const bytes = await (await openBlobs(`file:${join(this.folder, 'blobs')}`)).get(digest);
    if (sha256(bytes) !== digest) throw new Error(`Blob ${digest} holds other bytes: ${sha256(bytes)}.`);
    return bytes;
  }

  /** The rows of a Parquet blob, by (as_of, example). */
  async parquet(digest: string): Promise<Row[]> {
    const file = join(this.folder, `${digest}.parquet`);
    writeFileSync(file, await this.blob(digest));
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    try {
      const connection = await instance.connect();
      return (await connection.runAndReadAll(`SELECT * FROM read_parquet('${file}') ORDER BY as_of, example`)).getRowObjectsJS() as Row[];
    } finally {
      instance.closeSync();
    }
  }

  /** Every decision of every service as `rhei audit export` writes them, and where each chain ends. */
  async audit(): Promise<{ decisions: (Row & { service: ServiceName; asOf: number; subject: string; action: string; inputsDigest: string; outcomeJson: string })[]; heads: Row }> {
    const heads: Row = {};
    const decisions: Awaited<ReturnType<StoppedPlatform['audit']>>['decisions'] = [];
    for (const service of serviceNames) {
      const [head] = await this.query<{ sequence: string; hash: string }>(service, 'SELECT sequence, hash FROM decision_head');
      heads[service] = { sequence: Number(head.sequence), hash: head.hash };
      const rows = await this.query<Record<string, string>>(service, 'SELECT * FROM decision ORDER BY sequence');
      decisions.push(...rows.map((row) => ({
        service, sequence: Number(row.sequence), asOf: Number(row.as_of), writtenAt: Number(row.written_at), subject: row.subject, action: row.action, by: row.by,
        inputsJson: row.inputs, inputsDigest: row.inputs_digest, outcomeJson: row.outcome, previousHash: row.previous_hash, hash: row.hash,
      })));
    }
    return { decisions, heads };
  }

  stop(): Promise<void> {
    return this.cluster.stop();
  }
}

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** RFC 8785 for what has no lone surrogates: written here once more, so that a digest is not checked with the code that made it. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(',')}}`;
}

/** SHA-256 over one line of canonical JSON a row. */
export const digestOfRows = (rows: readonly unknown[]): string => sha256(rows.map((row) => `${canonical(row)}\n`).join(''));
