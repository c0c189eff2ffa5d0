import type { Queryable } from '@rhei/messaging';
import type { Facts } from '../record/fact';
import type { ViewEntry } from '../record/read-records';
import type { FeatureView } from './feature-view';
import type { Aggregate, Entry } from './window';

/** Where an entry is kept. */
interface Place {
  view: string;
  entity: string;
}
/** A kept entry that a later revision of its fact supersedes, or supersedes earlier than was known. */
export interface Ended extends Place {
  entry: Entry & { until: number };
  /** Whether it had no end before: then it still stands in its tile. */
  inTile: boolean;
}

export interface EntryRow {
  event_time: string;
  arrival: string;
  source: string;
  id: string;
  known_at: string;
  until: string | null;
  scaled: string;
  /** Absent where no aggregate of the question reads it: most need neither, and each column of a hot path costs. */
  below?: string | null;
  item?: string | null;
}
const plainColumns = 'event_time, arrival, source, id, known_at, until, scaled::text';
export const entryColumns = `${plainColumns}, below::text, item`;
/** The columns of entries that these aggregates read. */
export const entryColumnsOf = (aggregates: readonly Aggregate[]): string => (aggregates.some((aggregate) => aggregate === 'ratio' || aggregate === 'distinct') ? entryColumns : plainColumns);
export const entryOf = (row: EntryRow): Entry => ({
  eventTime: Number(row.event_time), arrival: Number(row.arrival), source: row.source, id: row.id, knownAt: Number(row.known_at), scaled: BigInt(row.scaled),
  ...(row.until !== null && { until: Number(row.until) }), ...(typeof row.below === 'string' && { below: BigInt(row.below) }), ...(typeof row.item === 'string' && { item: row.item }),
});

/** The entries of before whose facts now have a revision that ends them. Their facts are locked, so they stay as they are. */
export async function endedBy(tx: Queryable, views: ReadonlyMap<string, FeatureView>, facts: Facts): Promise<Ended[]> {
  const asked = facts.revised.length === 0 ? [] : [...views.values()].flatMap(({ name, spec: { source, event } }) => facts.revisedOf(source, event).map((identity) => ({ view: name, identity })));
  if (asked.length === 0) return [];
  const rows = await tx.query<EntryRow & Place>(`
    SELECT r.view, r.entity, ${entryColumns}
    FROM unnest($1::text[], $2::text[]) AS given (view, identity)
    CROSS JOIN LATERAL (SELECT * FROM view_record k WHERE k.view = given.view AND k.identity = given.identity AND k.identity <> '' OFFSET 0) AS r`,
  [asked.map(({ view }) => view), asked.map(({ identity }) => identity)]);
  return rows.flatMap(({ view, entity, ...row }) => {
    const entry = entryOf(row);
    const until = facts.until(entry.source, entry.id);
    if (until === undefined || (entry.until !== undefined && entry.until <= until)) return [];
    return [{ view, entity, inTile: entry.until === undefined, entry: { ...entry, until } }];
  });
}

/**
 * Keeps new entries and, of those that no revision supersedes, what their tiles come to. A record that is there already
 * adds nothing, neither to the records nor to the tiles.
 */
export async function keepEntries(tx: Queryable, widths: ReadonlyMap<string, number>, entries: readonly ViewEntry[], facts: Facts): Promise<void> {
  if (entries.length === 0) return;
  await tx.query(`
    WITH fresh AS (
      INSERT INTO view_record (view, entity, event_time, arrival, source, id, known_at, recorded_at, basis, revision, supersedes, scaled, identity, until, below, item)
      SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::smallint[], $10::integer[], $11::text[], $12::bigint[],
        $13::text[], $14::bigint[], $15::bigint[], $16::text[])
      ON CONFLICT DO NOTHING
      RETURNING view, entity, event_time, scaled, below, until
    )
    INSERT INTO tile AS kept (view, entity, start, n, sum, squares, below)
    SELECT fresh.view, entity, event_time - ((event_time % width) + width) % width AS start, count(*), sum(scaled::numeric), sum(scaled::numeric * scaled), coalesce(sum(below::numeric), 0)
    FROM fresh JOIN unnest($17::text[], $18::bigint[]) AS view_width (view, width) ON view_width.view = fresh.view
    WHERE until IS NULL
    GROUP BY 1, 2, 3
    ON CONFLICT (view, entity, start) DO UPDATE SET
      n = kept.n + excluded.n, sum = kept.sum + excluded.sum, squares = kept.squares + excluded.squares, below = kept.below + excluded.below`,
  [
    entries.map(({ view }) => view), entries.map(({ entity }) => entity), entries.map(({ eventTime }) => eventTime), entries.map(({ arrival }) => arrival),
    entries.map(({ source }) => source), entries.map(({ id }) => id), entries.map(({ knownAt }) => knownAt), entries.map(({ recordedAt }) => recordedAt),
    entries.map(({ basis }) => basis), entries.map(({ revision }) => revision), entries.map(({ supersedes }) => supersedes), entries.map(({ scaled }) => String(scaled)),
    entries.map(({ identity }) => identity), entries.map(({ source, id }) => facts.until(source, id) ?? null),
    entries.map(({ below }) => (below === undefined ? null : String(below))), entries.map(({ item }) => item ?? null),
    [...widths.keys()], [...widths.values()],
  ]);
}

/** Writes down when entries end, and takes them out of their tiles. */
export async function endEntries(tx: Queryable, widths: ReadonlyMap<string, number>, ended: readonly Ended[]): Promise<void> {
  if (ended.length === 0) return;
  await tx.query(`
    WITH ended AS (
      UPDATE view_record AS r SET until = given.until
      FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::boolean[])
        AS given (view, entity, event_time, arrival, source, id, until, in_tile)
      WHERE (r.view, r.entity, r.event_time, r.arrival, r.source, r.id) = (given.view, given.entity, given.event_time, given.arrival, given.source, given.id)
      RETURNING r.view, r.entity, r.event_time, r.scaled, r.below, given.in_tile
    )
    UPDATE tile SET n = tile.n - gone.n, sum = tile.sum - gone.sum, squares = tile.squares - gone.squares, below = tile.below - gone.below
    FROM (
      SELECT ended.view, entity, event_time - ((event_time % width) + width) % width AS start,
        count(*) AS n, sum(scaled::numeric) AS sum, sum(scaled::numeric * scaled) AS squares, coalesce(sum(below::numeric), 0) AS below
      FROM ended JOIN unnest($9::text[], $10::bigint[]) AS view_width (view, width) ON view_width.view = ended.view
      WHERE in_tile GROUP BY 1, 2, 3
    ) AS gone
    WHERE (tile.view, tile.entity, tile.start) = (gone.view, gone.entity, gone.start)`,
  [
    ended.map(({ view }) => view), ended.map(({ entity }) => entity), ended.map(({ entry }) => entry.eventTime), ended.map(({ entry }) => entry.arrival),
    ended.map(({ entry }) => entry.source), ended.map(({ entry }) => entry.id), ended.map(({ entry }) => entry.until), ended.map(({ inTile }) => inTile),
    [...widths.keys()], [...widths.values()],
  ]);
}
