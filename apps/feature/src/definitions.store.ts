import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { SourceSpec } from './record/contract';
import { compileSet, type FeatureSet, type FeatureSetSpec } from './set/feature-set';
import { compileView, type FeatureView, type FeatureViewSpec, type TtlFrom } from './view/feature-view';
import { parseDuration } from '@rhei/expressions';

export type DefinitionKind = 'Source' | 'FeatureView' | 'FeatureSet';

/** What has been declared: sources by their newest version, views as they are now, sets with all their versions. */
export interface Definitions {
  sources: ReadonlyMap<string, SourceSpec>;
  views: ReadonlyMap<string, FeatureView>;
  /** The newest version of each set. */
  sets: ReadonlyMap<string, FeatureSet>;
  /** One version of a set; 0 is the newest. */
  set(name: string, version: number): FeatureSet | undefined;
}

export const addDefinition = (tx: Queryable, kind: DefinitionKind, name: string, version: number, spec: unknown, at: Instant): Promise<unknown> => tx.query(
  'INSERT INTO definition (kind, name, version, spec, applied_at) VALUES ($1, $2, $3, $4::jsonb, $5) ON CONFLICT DO NOTHING', [kind, name, version, JSON.stringify(spec), at]);

/** Reads and compiles everything anew; for those who have just added something in this transaction. */
export async function readDefinitions(queryable: Queryable): Promise<Definitions> {
  return (await readAll(queryable)).definitions;
}

/**
 * Definitions, compiled once. Rows are only ever added, so their number says whether there is something new.
 * Never give it a transaction that adds a definition: were that rolled back, its number would come again with other rows.
 */
export class DefinitionCache {
  private known?: { rows: number; definitions: Definitions };

  async read(queryable: Queryable): Promise<Definitions> {
    const [{ rows }] = await queryable.query<{ rows: number }>('SELECT count(*)::integer AS rows FROM definition');
    if (this.known?.rows !== rows) this.known = await readAll(queryable);
    return this.known.definitions;
  }
}

interface DefinitionRow {
  kind: DefinitionKind;
  name: string;
  version: string;
  spec: unknown;
  applied_at: string;
}

async function readAll(queryable: Queryable): Promise<{ rows: number; definitions: Definitions }> {
  const rows = await queryable.query<DefinitionRow>('SELECT kind, name, version, spec, applied_at FROM definition ORDER BY version');
  const sources = new Map<string, SourceSpec>();
  const views = new Map<string, FeatureView>();
  const sets = new Map<string, FeatureSet>();
  const versions = new Map<string, FeatureSet>();
  const ttls = new Map<string, TtlFrom[]>();
  for (const row of rows) {
    const version = Number(row.version);
    if (row.kind === 'Source') {
      sources.set(row.name, row.spec as SourceSpec);
    } else if (row.kind === 'FeatureView') {
      const spec = row.spec as FeatureViewSpec;
      const known = ttls.get(row.name) ?? [];
      known.push({ from: Number(row.applied_at), ttl: spec.ttl === undefined ? undefined : parseDuration(spec.ttl) });
      ttls.set(row.name, known);
      views.set(row.name, compileView(row.name, version, spec, known));
    } else {
      const set = compileSet(row.name, version, row.spec as FeatureSetSpec);
      sets.set(row.name, set);
      versions.set(`${row.name} ${version}`, set);
    }
  }
  const set = (name: string, version: number): FeatureSet | undefined => (version === 0 ? sets.get(name) : versions.get(`${name} ${version}`));
  return { rows: rows.length, definitions: { sources, views, sets, set } };
}
