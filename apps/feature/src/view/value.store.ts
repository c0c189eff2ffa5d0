import { planByIndex, type Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { Facts } from '../record/fact';
import type { ViewEntry } from '../record/read-records';
import { endedBy, endEntries, entryColumnsOf, entryOf, keepEntries, type Ended, type EntryRow } from './entry.store';
import type { FeatureView } from './feature-view';
import { remadeTiles } from './merge';
import { names } from './lookup.store';
import { reads, restate, type Reads } from './restate';
import { stepsOf, type Known, type Step } from './steps';
import { merges, type Aggregate, type Entry, type Tile, type ValueRow, type Window } from './window';

/** One entity of one view, to which a batch brings or takes records. */
interface Group {
  view: string;
  entity: string;
  window: Window;
  /** The earliest instant at which something about it changes. */
  first: Instant;
  /** Event times of what the batch brings or ends. */
  touched: Instant[];
  /** Whether a record of before has ended, or ends earlier: then an instant may be none of a change any more. */
  revised: boolean;
}
interface Restated extends Group {
  known: Known;
  steps: Step[];
  wanted: Reads;
  tiles: Tile[];
  single: Entry[];
}

/**
 * Adds records to their entities, ends those that later revisions supersede, and states anew every value that this
 * changes: at the instants at which something becomes known, and at all later ones. Any order and any batching of the
 * same records leaves the same rows.
 */
export async function addEntries(tx: Queryable, views: ReadonlyMap<string, FeatureView>, entries: readonly ViewEntry[], facts: Facts): Promise<void> {
  const ended = await endedBy(tx, views, facts);
  const groups = groupsOf(views, entries, ended);
  if (groups.length === 0) return;
  const widths = new Map(groups.map(({ view, window }) => [view, window.tile]));
  await planByIndex(tx);
  await lock(tx, groups);
  await keepEntries(tx, widths, entries, facts);
  await endEntries(tx, widths, ended);
  const changed = await knownOf(tx, groups);
  await readWindows(tx, changed.filter(({ window }) => window.aggregate !== 'last'));
  const rows = changed.flatMap(({ view, entity, window, steps, known, tiles, single }) => restate(window, steps, known, tiles, single).map((row) => ({ view, entity, ...row })));
  await dropRows(tx, groups.filter(({ revised }) => revised), rows);
  await writeRows(tx, rows);
  await writeTiles(tx, changed.filter(({ wanted }) => wanted.remade.length > 0));
}

function groupsOf(views: ReadonlyMap<string, FeatureView>, entries: readonly ViewEntry[], ended: readonly Ended[]): Group[] {
  const groups = new Map<string, Group>();
  const touch = (view: string, entity: string, first: Instant, eventTime: Instant, revised: boolean): void => {
    const key = `${view}\0${entity}`;
    const group = groups.get(key);
    if (group === undefined) return void groups.set(key, { view, entity, window: views.get(view)!.window, first, touched: [eventTime], revised });
    group.first = Math.min(group.first, first);
    group.touched.push(eventTime);
    group.revised ||= revised;
  };
  for (const { view, entity, knownAt, eventTime } of entries) touch(view, entity, knownAt, eventTime, false);
  for (const { view, entity, entry } of ended) touch(view, entity, Math.max(entry.knownAt, entry.until), entry.eventTime, true);
  return [...groups.values()];
}

const aggregatesOf = (groups: readonly Group[]): Aggregate[] => groups.map(({ window }) => window.aggregate);

// Sorted, so that two shards that touch the same entities wait for one another in one order.
const lock = (tx: Queryable, groups: readonly Group[]): Promise<unknown> => tx.query(`
  INSERT INTO view_entity AS kept (view, entity)
  SELECT view, entity FROM unnest($1::text[], $2::text[]) AS given (view, entity) ORDER BY view COLLATE "C", entity COLLATE "C"
  ON CONFLICT (view, entity) DO UPDATE SET entity = kept.entity`, names(groups));

/**
 * What becomes known after the group's first change, what ends after it, and the newest record that stands by then. What is
 * known at that very instant is in the tiles, of which it needs not be taken out: a burst of records of one instant costs
 * each batch its own records alone.
 */
async function knownOf(tx: Queryable, groups: readonly Group[]): Promise<Restated[]> {
  const found = await tx.query<(EntryRow | { [Column in keyof EntryRow]: null }) & { at: number; changes: boolean }>(`
    SELECT given.at::integer, (
        EXISTS (SELECT FROM view_record r WHERE r.view = given.view AND r.entity = given.entity AND r.known_at = given.first AND (r.until IS NULL OR r.until > given.first))
        OR EXISTS (SELECT FROM view_record r WHERE r.view = given.view AND r.entity = given.entity AND r.until = given.first AND r.until IS NOT NULL AND r.known_at < given.first)
      ) AS changes, ${entryColumnsOf(aggregatesOf(groups))}
    FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS given (view, entity, first, at)
    LEFT JOIN LATERAL (
      (SELECT * FROM view_record r WHERE r.view = given.view AND r.entity = given.entity AND r.known_at > given.first)
      UNION ALL
      (SELECT * FROM view_record r WHERE r.view = given.view AND r.entity = given.entity AND r.until > given.first AND r.until IS NOT NULL AND r.known_at <= given.first)
      UNION ALL
      (SELECT * FROM view_record r WHERE r.view = given.view AND r.entity = given.entity AND r.known_at <= given.first AND r.until IS NULL
       ORDER BY event_time DESC, arrival DESC, source DESC, id DESC LIMIT 1)
    ) AS record ON true`, [...names(groups), groups.map(({ first }) => first)]);
  const entries = groups.map((): Entry[] => []);
  const changes = groups.map(() => false);
  for (const row of found) {
    changes[row.at - 1] = row.changes;
    if (row.id !== null) entries[row.at - 1].push(entryOf(row));
  }
  return groups.map((group, index) => {
    const { first, touched } = group;
    const by = entries[index].filter(({ knownAt }) => knownAt <= first);
    const known: Known = {
      first, touched, changes: changes[index], standing: by.find(({ until }) => until === undefined), ending: by.filter(({ until }) => until !== undefined),
      later: entries[index].filter(({ knownAt }) => knownAt > first),
    };
    const steps = stepsOf(known);
    return { ...group, known, steps, wanted: reads(group.window, steps, known), tiles: [], single: [] };
  });
}

interface TileRow {
  at: number;
  start: string;
  n: string;
  sum: string;
  /** Absent where no aggregate of the question reads it. */
  squares?: string;
  below?: string;
  least?: string | null;
  most?: string | null;
  items?: string | null;
}
/** What the aggregates read of tiles beside n and sum. What cannot be added up never comes together. */
const tileColumnsOf = (groups: readonly Group[]): string => [
  ...(groups.some(({ window }) => window.aggregate === 'stddev') ? ['sum(tile.squares)::text AS squares'] : []),
  ...(groups.some(({ window }) => window.aggregate === 'ratio') ? ['sum(tile.below)::text AS below'] : []),
  ...(groups.some(({ window }) => merges(window)) ? ['min(tile.least)::text AS least', 'max(tile.most)::text AS most', 'min(tile.items) AS items'] : []),
].map((column) => `, ${column}`).join('');
const bigintIn = (text: string | null | undefined): bigint | undefined => (typeof text === 'string' ? BigInt(text) : undefined);
const tileOf = ({ start, n, sum, squares, below, least, most, items }: TileRow): Tile => ({
  start: Number(start), n: Number(n), sum: BigInt(sum), squares: bigintIn(squares) ?? 0n, below: bigintIn(below) ?? 0n,
  least: bigintIn(least), most: bigintIn(most), items: typeof items === 'string' ? JSON.parse(items) as string[] : undefined,
});

// OFFSET 0 keeps a look-up per entity, and the order asks for the index that fits: a plan that was made while the tables were
// small would else scan them, or search by the other index, until statistics are gathered.
async function readWindows(tx: Queryable, groups: Restated[]): Promise<void> {
  if (groups.length === 0) return;
  const within = (instant: Instant): Instant => Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, instant));
  const tiles = await tx.query<TileRow>(`
    SELECT given.at::integer, min(tile.start) AS start, sum(tile.n) AS n, sum(tile.sum)::text AS sum${tileColumnsOf(groups)}
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[]) WITH ORDINALITY AS given (view, entity, start, together, at)
    CROSS JOIN LATERAL (
      SELECT * FROM tile t WHERE t.view = given.view AND t.entity = given.entity AND t.start >= given.start ORDER BY t.start OFFSET 0
    ) AS tile
    GROUP BY given.at, CASE WHEN given.together THEN 0 ELSE tile.start END`,
  [...names(groups), groups.map(({ wanted }) => within(wanted.from)), groups.map(({ wanted }) => wanted.together)]);
  for (const row of tiles) groups[row.at - 1].tiles.push(tileOf(row));

  const cut = groups.flatMap((group, at) => group.wanted.single.map((start) => ({ group, at, start })));
  if (cut.length === 0) return;
  const single = await tx.query<EntryRow & { at: number }>(`
    SELECT given.at, ${entryColumnsOf(aggregatesOf(groups))}
    FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) AS given (at, view, entity, start, stop)
    CROSS JOIN LATERAL (
      SELECT * FROM view_record r WHERE r.view = given.view AND r.entity = given.entity AND r.event_time >= given.start AND r.event_time < given.stop
      ORDER BY r.event_time, r.arrival, r.source, r.id OFFSET 0
    ) AS record`,
  [
    cut.map(({ at }) => at), ...names(cut.map(({ group }) => group)),
    cut.map(({ start }) => start), cut.map(({ group, start }) => start + group.window.tile),
  ]);
  for (const row of single) groups[row.at].single.push(entryOf(row));
}

/** Takes away what stood at instants at which nothing changes any more, since a revision is older than was known. */
async function dropRows(tx: Queryable, groups: readonly Group[], rows: readonly { view: string; entity: string; knownAt: Instant }[]): Promise<void> {
  if (groups.length === 0) return;
  await tx.query(`
    DELETE FROM feature_row r USING unnest($1::text[], $2::text[], $3::bigint[]) AS given (view, entity, first)
    WHERE r.view = given.view AND r.entity = given.entity AND r.known_at >= given.first
      AND NOT EXISTS (SELECT FROM unnest($4::text[], $5::text[], $6::bigint[]) AS kept (view, entity, known_at) WHERE kept.view = r.view AND kept.entity = r.entity AND kept.known_at = r.known_at)`,
  [...names(groups), groups.map(({ first }) => first), ...names(rows), rows.map(({ knownAt }) => knownAt)]);
}

const writeRows = (tx: Queryable, rows: readonly (ValueRow & { view: string; entity: string })[]): Promise<unknown> => tx.query(`
  INSERT INTO feature_row (view, entity, known_at, event_time, n, value)
  SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::double precision[])
  ON CONFLICT (view, entity, known_at) DO UPDATE SET event_time = excluded.event_time, n = excluded.n, value = excluded.value`,
[...names(rows), rows.map(({ knownAt }) => knownAt), rows.map(({ eventTime }) => eventTime), rows.map(({ n }) => n), rows.map(({ value }) => value)]);

/** Writes what the remade tiles come to. */
async function writeTiles(tx: Queryable, groups: readonly Restated[]): Promise<void> {
  const tiles = groups.flatMap(({ view, entity, window, wanted, single }) => remadeTiles(window, wanted.remade, single).map((tile) => ({ view, entity, ...tile })));
  if (tiles.length === 0) return;
  await tx.query(`
    UPDATE tile SET least = given.least, most = given.most, items = given.items
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[]) AS given (view, entity, start, least, most, items)
    WHERE (tile.view, tile.entity, tile.start) = (given.view, given.entity, given.start)`,
  [
    ...names(tiles), tiles.map(({ start }) => start), tiles.map(({ least }) => least?.toString() ?? null), tiles.map(({ most }) => most?.toString() ?? null),
    tiles.map(({ items }) => (items === undefined ? null : JSON.stringify(items))),
  ]);
}
