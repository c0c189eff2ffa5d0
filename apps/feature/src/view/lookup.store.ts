import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { ValueRow } from './window';

/** Where values stand, as columns for `unnest`. */
export const names = (places: readonly { view: string; entity: string }[]): [views: string[], entities: string[]] => [places.map(({ view }) => view), places.map(({ entity }) => entity)];

/** A value to look up, as known at an instant. */
export interface Lookup {
  view: string;
  entity: string;
  at: Instant;
}

/** The newest row of each lookup that was known at its instant; undefined where there was none. One index seek each, in one query. */
export async function rowsAt(queryable: Queryable, lookups: readonly Lookup[]): Promise<(ValueRow | undefined)[]> {
  const found: (ValueRow | undefined)[] = lookups.map(() => undefined);
  if (lookups.length === 0) return found;
  const rows = await queryable.query<{ at: number; known_at: string; event_time: string; n: string; value: number | null }>(`
    SELECT given.at::integer, known_at, event_time, n, value
    FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS given (view, entity, instant, at)
    CROSS JOIN LATERAL (
      SELECT known_at, event_time, n, value FROM feature_row r
      WHERE r.view = given.view AND r.entity = given.entity AND r.known_at <= given.instant ORDER BY r.known_at DESC LIMIT 1
    ) AS newest`,
  [...names(lookups), lookups.map(({ at }) => at)]);
  for (const row of rows) found[row.at - 1] = { knownAt: Number(row.known_at), eventTime: Number(row.event_time), n: Number(row.n), value: row.value };
  return found;
}
