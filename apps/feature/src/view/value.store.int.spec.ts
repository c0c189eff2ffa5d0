import { hashUnit } from '@rhei/expressions';
import { openDatabase, type TestDatabase } from '@rhei/testing';
import { FeatureModule } from '../feature.module';
import type { ViewEntry } from '../record/read-records';
import { compileView, featureViewSpec, type FeatureView } from './feature-view';
import { addEntries, valuesAt } from './value.store';
import { aggregates, compareEntries, fromGrid, toGrid } from './window';

const length = 300;
const viewOf = (aggregate: string, from: string): FeatureView => compileView(`${aggregate}-${from}`, 1, featureViewSpec.parse({
  entity: 'e', source: 's', event: 'x', key: 'data.key', value: aggregate === 'count' ? undefined : 'data.value', window: { [aggregate]: `${length}us` },
}), [{ from: 0, ttl: undefined }]);
const within = (seed: number, purpose: string, id: number, below: number): number => Math.floor(hashUnit(seed, purpose, id) * below);

/** Records that come late, early and at one instant, from before 1970 on, for three entities of every view. */
const entriesFor = (views: readonly FeatureView[], seed: number, count: number): ViewEntry[] => Array.from({ length: count }, (_, index) => {
  const eventTime = within(seed, 'time', index, 1_500) - 400;
  const arrival = eventTime + within(seed, 'delay', index, 500) - 20;
  const view = views[index % views.length];
  return {
    view: view.name, entity: ['a', 'é', '\u{1f600}'][within(seed, 'entity', index, 3)], source: `s${within(seed, 'source', index, 2)}`, id: `${index}`, eventTime, arrival, knownAt: Math.max(eventTime, arrival),
    scaled: toGrid(hashUnit(seed, 'value', index) * 1e9 - 5e8, 6)!, recordedAt: arrival, basis: 1, revision: 1, supersedes: '',
  };
});

/** The naive scan. */
function scan(view: FeatureView, entries: readonly ViewEntry[], entity: string, at: number): { eventTime: number; value: number } | undefined {
  const known = entries.filter((entry) => entry.view === view.name && entry.entity === entity && entry.knownAt <= at).sort(compareEntries);
  const newest = known.at(-1);
  if (newest === undefined) return undefined;
  const inside = known.filter(({ eventTime }) => eventTime > newest.eventTime - length);
  const sum = inside.reduce((total, { scaled }) => total + scaled, 0n);
  const value = { count: inside.length, sum: fromGrid(sum, 1, 6), avg: fromGrid(sum, inside.length, 6), last: fromGrid(newest.scaled, 1, 6) }[view.window.aggregate];
  return { eventTime: newest.eventTime, value };
}

describe('kept values', () => {
  let database: TestDatabase;
  beforeAll(async () => (database = await openDatabase(FeatureModule)), 60_000);
  afterAll(() => database.close());

  const add = (views: readonly FeatureView[], entries: readonly ViewEntry[]): Promise<void> =>
    database.transaction((tx) => addEntries(tx, new Map(views.map((view) => [view.name, view])), entries));

  it('equal the naive scan at every instant, out of order and from two shards at once', async () => {
    const views = aggregates.map((aggregate) => viewOf(aggregate, 'random'));
    const entries = entriesFor(views, 5, 600);
    const shard = async (parity: number): Promise<void> => {
      const own = entries.filter((_, index) => (index >> 2) % 2 === parity);
      for (let at = 0; at < own.length;) {
        const size = 1 + within(5, 'size', at + parity, 40);
        await add(views, own.slice(at, at + size));
        at += size;
      }
    };
    await Promise.all([shard(0), shard(1)]);
    await add(views, entries.slice(100, 200));

    const lookups = views.flatMap((view) => ['a', 'é', '\u{1f600}', 'nobody'].map((entity) => ({ view, entity })));
    for (const at of [-500, -400, ...Array.from({ length: 60 }, (_, index) => index * 27), 2_000]) {
      const found = await valuesAt(database, lookups.map(({ view, entity }) => ({ view: view.name, entity })), at);
      expect(found).toEqual(lookups.map(({ view, entity }) => scan(view, entries, entity, at)));
    }
    const tiles = await database.query('SELECT view, sum(n)::integer AS n, sum(sum)::text AS sum, sum(squares)::text AS squares FROM tile GROUP BY view ORDER BY view');
    expect(tiles).toEqual(views.map(({ name }) => name).sort().map((view) => {
      const own = entries.filter((entry) => entry.view === view);
      const total = (term: (x: bigint) => bigint): string => String(own.reduce((sum, { scaled }) => sum + term(scaled), 0n));
      return { view, n: own.length, sum: total((x) => x), squares: total((x) => x * x) };
    }));
  });

  it.each(aggregates)('of %s are one state after every order of the same records', async (aggregate) => {
    const states = new Set<string>();
    const orders = permutations([0, 1, 2, 3]);
    for (const [index, order] of orders.entries()) {
      const view = viewOf(aggregate, `order-${index}`);
      const entries = entriesFor([view], 6, 4).map((entry) => ({ ...entry, entity: 'one' }));
      for (const position of order) await add([view], [entries[position]]);
      states.add(JSON.stringify(await database.query('SELECT known_at, event_time, n, value FROM feature_row WHERE view = $1 ORDER BY known_at', [view.name])));
    }
    expect(orders).toHaveLength(24);
    expect(states.size).toBe(1);
  });
});

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}
