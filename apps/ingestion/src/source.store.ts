import type { Queryable } from '@rhei/messaging';
import { compileContract, type Contract } from './contract';
import type { SourceSpec } from './source';

export async function saveSource(tx: Queryable, name: string, version: number, spec: SourceSpec): Promise<void> {
  await tx.query(
    `INSERT INTO source (name, version, spec, topic) VALUES ($1, $2, $3::jsonb, $4)
     ON CONFLICT (name) DO UPDATE SET version = excluded.version, spec = excluded.spec, topic = excluded.topic`,
    [name, version, JSON.stringify(spec), spec.topic ?? null],
  );
}

/** The source that owns the topic. */
export async function ownerOf(q: Queryable, topic: string): Promise<string | undefined> {
  const [row] = await q.query<{ name: string }>('SELECT name FROM source WHERE topic = $1', [topic]);
  return row?.name;
}

/** The topics of all sources that have one. */
export async function ownedTopics(q: Queryable): Promise<string[]> {
  return (await q.query<{ topic: string }>('SELECT topic FROM source WHERE topic IS NOT NULL ORDER BY topic')).map(({ topic }) => topic);
}

/**
 * The contracts in force. Compiled ones are kept by version; the version is read in every transaction, so that a
 * replica never judges by a contract that another one has replaced.
 */
export class ContractStore {
  private readonly compiled = new Map<string, Contract>();

  /** The contracts of those sources that are known. */
  async load(tx: Queryable, names: string[]): Promise<Map<string, Contract>> {
    const rows = await tx.query<{ name: string; version: number }>('SELECT name, version FROM source WHERE name = ANY($1::text[])', [names]);
    const stale = rows.filter(({ name, version }) => this.compiled.get(name)?.version !== version).map(({ name }) => name);
    if (stale.length > 0) {
      const specs = await tx.query<{ name: string; version: number; spec: SourceSpec }>('SELECT name, version, spec FROM source WHERE name = ANY($1::text[])', [stale]);
      for (const { name, version, spec } of specs) this.keep(name, version, spec);
    }
    return new Map(rows.map(({ name }) => [name, this.compiled.get(name)!]));
  }

  private keep(name: string, version: number, spec: SourceSpec): void {
    const contract = compileContract(name, version, spec);
    // It was checked before it was applied; an expression that no longer compiles is a fault of this version of the platform.
    if (Array.isArray(contract)) throw new Error(`Source "${name}" version ${version} no longer compiles: ${contract[0].path}: ${contract[0].message}`);
    this.compiled.set(name, contract);
  }
}
