import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import { entryColumns, entryOf, type EntryRow } from './entry.store';
import type { Entry } from './window';

/** How many entities each view has had a record of. */
export async function countEntities(queryable: Queryable): Promise<Map<string, number>> {
  const rows = await queryable.query<{ view: string; entities: number }>('SELECT view, count(*)::integer AS entities FROM view_entity GROUP BY view');
  return new Map(rows.map(({ view, entities }) => [view, entities]));
}

/** Those of the views that have ever had a record of the entity. */
export async function viewsWith(queryable: Queryable, entity: string, views: readonly string[]): Promise<Set<string>> {
  const rows = await queryable.query<{ view: string }>('SELECT view FROM view_entity WHERE entity = $1 AND view = ANY ($2::text[])', [entity, views]);
  return new Set(rows.map(({ view }) => view));
}

/** A record as one view keeps it. */
export interface KeptEntry extends Entry {
  identity: string;
  revision: number;
}
export interface Contents {
  /** Newest first. */
  entries: KeptEntry[];
  counting: number;
  superseded: number;
  /** What a ratio divides by. */
  below: bigint;
}

/**
 * What a view holds of an entity with event times after `opens` (−Infinity: all), as known at an instant: the newest
 * `limit` records, and of all how many count and how many are superseded.
 */
export async function contentsAt(queryable: Queryable, view: string, entity: string, { opens, asOf, limit }: { opens: Instant; asOf: Instant; limit: number }): Promise<Contents> {
  const asked = [view, entity, Math.max(opens, -Number.MAX_SAFE_INTEGER), asOf];
  const inside = 'view = $1 AND entity = $2 AND event_time > $3 AND known_at <= $4';
  const counts = '(until IS NULL OR until > $4)';
  const [{ counting, superseded, below }] = await queryable.query<{ counting: number; superseded: number; below: string }>(`
    SELECT (count(*) FILTER (WHERE ${counts}))::integer AS counting, (count(*) FILTER (WHERE NOT ${counts}))::integer AS superseded,
      coalesce(sum(below) FILTER (WHERE ${counts}), 0)::text AS below
    FROM view_record WHERE ${inside}`, asked);
  const rows = await queryable.query<EntryRow & { identity: string; revision: number }>(`
    SELECT ${entryColumns}, identity, revision FROM view_record
    WHERE ${inside} ORDER BY event_time DESC, arrival DESC, source DESC, id DESC LIMIT $5`, [...asked, limit]);
  return { counting, superseded, below: BigInt(below), entries: rows.map((row) => ({ ...entryOf(row), identity: row.identity, revision: row.revision })) };
}
