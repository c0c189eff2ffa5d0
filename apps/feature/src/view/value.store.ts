import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { ViewEntry } from '../record/read-records';
import type { FeatureView } from './feature-view';
import { reads, restate, stepsOf, type Step } from './restate';
import type { Entry, Tile, ValueRow, Window } from './window';

/** The records of one batch for one entity of one view. */
interface Group {
  view: string;
  entity: string;
  window: Window;
  /** The earliest instant at which one of them becomes known. */
  first: Instant;
}
interface Restated extends Group {
  later: Entry[];
  steps: Step[];
  tiles: Tile[];
  single: Entry[];
}

/**
 * Adds records to their entities and states anew every value that they change: at the instants at which they become
 * known, and at all later ones. Any order and any batching of the same records leaves the same rows.
 */
export async function addEntries(tx: Queryable, views: ReadonlyMap<string, FeatureView>, entries: readonly ViewEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const groups = groupsOf(views, entries);
  await lock(tx, groups);
  await keep(tx, entries, groups);
  const changed = await laterEntries(tx, groups);
  await readWindows(tx, changed.filter(({ window }) => window.aggregate !== 'last'));
  const rows = changed.map((group) => restate(group.window, group.steps, group.later, group.tiles, group.single));
  await writeRows(tx, changed.flatMap(({ view, entity }, index) => rows[index].map((row) => ({ view, entity, ...row }))));
}

function groupsOf(views: ReadonlyMap<string, FeatureView>, entries: readonly ViewEntry[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { view, entity, knownAt } of entries) {
    const key = `${view}\0${entity}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { view, entity, window: views.get(view)!.window, first: knownAt });
    else group.first = Math.min(group.first, knownAt);
  }
  return [...groups.values()];
}

// Sorted, so that two shards that touch the same entities wait for one another in one order.
const lock = (tx: Queryable, groups: readonly Group[]): Promise<unknown> => tx.query(`
  INSERT INTO view_entity AS kept (view, entity)
  SELECT view, entity FROM unnest($1::text[], $2::text[]) AS given (view, entity) ORDER BY view COLLATE "C", entity COLLATE "C"
  ON CONFLICT (view, entity) DO UPDATE SET entity = kept.entity`,
[groups.map(({ view }) => view), groups.map(({ entity }) => entity)]);

/** A record that is there already adds nothing, neither to the records nor to the tiles. */
function keep(tx: Queryable, entries: readonly ViewEntry[], groups: readonly Group[]): Promise<unknown> {
  const widths = new Map(groups.map(({ view, window }) => [view, window.tile]));
  return tx.query(`
    WITH fresh AS (
      INSERT INTO view_record (view, entity, event_time, arrival, source, id, known_at, recorded_at, basis, revision, supersedes, scaled)
      SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::smallint[], $10::integer[], $11::text[], $12::bigint[])
      ON CONFLICT DO NOTHING
      RETURNING view, entity, event_time, scaled
    )
    INSERT INTO tile AS kept (view, entity, start, n, sum, squares)
    SELECT fresh.view, entity, event_time - ((event_time % width) + width) % width AS start, count(*), sum(scaled::numeric), sum(scaled::numeric * scaled)
    FROM fresh JOIN unnest($13::text[], $14::bigint[]) AS view_width (view, width) ON view_width.view = fresh.view
    GROUP BY 1, 2, 3
    ON CONFLICT (view, entity, start) DO UPDATE SET n = kept.n + excluded.n, sum = kept.sum + excluded.sum, squares = kept.squares + excluded.squares`,
  [
    entries.map(({ view }) => view), entries.map(({ entity }) => entity), entries.map(({ eventTime }) => eventTime), entries.map(({ arrival }) => arrival),
    entries.map(({ source }) => source), entries.map(({ id }) => id), entries.map(({ knownAt }) => knownAt), entries.map(({ recordedAt }) => recordedAt),
    entries.map(({ basis }) => basis), entries.map(({ revision }) => revision), entries.map(({ supersedes }) => supersedes), entries.map(({ scaled }) => String(scaled)),
    [...widths.keys()], [...widths.values()],
  ]);
}

interface EntryRow {
  at: number;
  event_time: string;
  arrival: string;
  source: string;
  id: string;
  known_at: string;
  scaled: string;
}
const entryOf = (row: EntryRow): Entry => ({
  eventTime: Number(row.event_time), arrival: Number(row.arrival), source: row.source, id: row.id, knownAt: Number(row.known_at), scaled: BigInt(row.scaled),
});

/** What is known from the group's first new record on, and the newest record of before. */
async function laterEntries(tx: Queryable, groups: readonly Group[]): Promise<Restated[]> {
  const found = await tx.query<EntryRow>(`
    SELECT given.at::integer, event_time, arrival, source, id, known_at, scaled::text
    FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS given (view, entity, first, at)
    CROSS JOIN LATERAL (
      (SELECT * FROM view_record r WHERE r.view = given.view AND r.entity = given.entity AND r.known_at >= given.first)
      UNION ALL
      (SELECT * FROM view_record r WHERE r.view = given.view AND r.entity = given.entity AND r.known_at < given.first
       ORDER BY event_time DESC, arrival DESC, source DESC, id DESC LIMIT 1)
    ) AS record`,
  [groups.map(({ view }) => view), groups.map(({ entity }) => entity), groups.map(({ first }) => first)]);
  const entries = groups.map((): Entry[] => []);
  for (const row of found) entries[row.at - 1].push(entryOf(row));
  return groups.map((group, index) => {
    const later = entries[index].filter(({ knownAt }) => knownAt >= group.first);
    const steps = stepsOf(entries[index].find(({ knownAt }) => knownAt < group.first), later);
    return { ...group, later, steps, tiles: [], single: [] };
  });
}

// OFFSET 0 keeps a look-up per entity, and the order asks for the index that fits: a plan that was made while the tables were
// small would else scan them, or search by the other index, until statistics are gathered.
async function readWindows(tx: Queryable, groups: Restated[]): Promise<void> {
  if (groups.length === 0) return;
  const wanted = groups.map(({ window, steps }) => reads(window, steps));
  const names = [groups.map(({ view }) => view), groups.map(({ entity }) => entity)];
  const tiles = await tx.query<{ at: number; start: string; n: string; sum: string }>(`
    SELECT given.at::integer, tile.start, tile.n, tile.sum::text
    FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS given (view, entity, start, at)
    CROSS JOIN LATERAL (
      SELECT * FROM tile t WHERE t.view = given.view AND t.entity = given.entity AND t.start >= given.start ORDER BY t.start OFFSET 0
    ) AS tile`,
  [...names, wanted.map(({ from }) => from)]);
  for (const { at, start, n, sum } of tiles) groups[at - 1].tiles.push({ start: Number(start), n: Number(n), sum: BigInt(sum) });

  const cut = groups.flatMap((group, at) => wanted[at].cut.map((start) => ({ group, at, start })));
  const single = await tx.query<EntryRow>(`
    SELECT given.at, event_time, arrival, source, id, known_at, scaled::text
    FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) AS given (at, view, entity, start, stop)
    CROSS JOIN LATERAL (
      SELECT * FROM view_record r WHERE r.view = given.view AND r.entity = given.entity AND r.event_time >= given.start AND r.event_time < given.stop
      ORDER BY r.event_time, r.arrival, r.source, r.id OFFSET 0
    ) AS record`,
  [
    cut.map(({ at }) => at), cut.map(({ group }) => group.view), cut.map(({ group }) => group.entity),
    cut.map(({ start }) => start), cut.map(({ group, start }) => start + group.window.tile),
  ]);
  for (const row of single) groups[row.at].single.push(entryOf(row));
}

const writeRows = (tx: Queryable, rows: readonly (ValueRow & { view: string; entity: string })[]): Promise<unknown> => tx.query(`
  INSERT INTO feature_row (view, entity, known_at, event_time, n, value)
  SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::double precision[])
  ON CONFLICT (view, entity, known_at) DO UPDATE SET event_time = excluded.event_time, n = excluded.n, value = excluded.value`,
[
  rows.map(({ view }) => view), rows.map(({ entity }) => entity), rows.map(({ knownAt }) => knownAt),
  rows.map(({ eventTime }) => eventTime), rows.map(({ n }) => n), rows.map(({ value }) => value),
]);

/** A value to look up. */
export interface Lookup {
  view: string;
  entity: string;
}
export interface Found {
  eventTime: Instant;
  value: number;
}

/** The newest value of each lookup that was known at the instant; undefined where there was none. One index seek each, in one query. */
export async function valuesAt(database: Queryable, lookups: readonly Lookup[], at: Instant): Promise<(Found | undefined)[]> {
  const found: (Found | undefined)[] = lookups.map(() => undefined);
  if (lookups.length === 0) return found;
  const rows = await database.query<{ at: number; event_time: string; value: number }>(`
    SELECT given.at::integer, event_time, value
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given (view, entity, at)
    CROSS JOIN LATERAL (
      SELECT event_time, value FROM feature_row r
      WHERE r.view = given.view AND r.entity = given.entity AND r.known_at <= $3 ORDER BY r.known_at DESC LIMIT 1
    ) AS newest`,
  [lookups.map(({ view }) => view), lookups.map(({ entity }) => entity), at]);
  for (const row of rows) found[row.at - 1] = { eventTime: Number(row.event_time), value: row.value };
  return found;
}
