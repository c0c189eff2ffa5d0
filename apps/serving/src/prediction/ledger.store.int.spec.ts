import { openDatabase, type TestDatabase } from '@rhei/testing';
import { aRow } from '../../spec/builders';
import { Serving0005LedgerCounts1700000000005 } from '../migrations/0005-ledger-counts';
import { ServingModule } from '../serving.module';
import { LedgerStore, type LedgerRow, type Listing } from './ledger.store';

let database: TestDatabase;
let ledger: LedgerStore;
/** The statements that were run last, with their parameters. */
const asked: [string, unknown[]][] = [];
beforeAll(async () => {
  database = await openDatabase(ServingModule, { at: 50 });
  ledger = new LedgerStore({ query: (sql: string, parameters: unknown[] = []) => { asked.push([sql, parameters]); return database.query(sql, parameters); } } as never);
}, 60_000);
afterAll(() => database?.close());

const append = (rows: LedgerRow[]): Promise<Set<string>> => database.transaction((tx) => ledger.append(tx, rows));
const list = async (over: Partial<Listing> = {}): Promise<string[]> => (await ledger.list({ deployment: '', from: 0, to: 0, role: '', limit: 50, ...over })).map(({ id, version }) => `${id} ${version}`);

describe('the ledger', () => {
  it('counts its rows as it writes them, each once, and none of a commit that is undone', async () => {
    const rows = [aRow('a', { asOf: 3 }), aRow('b', { asOf: 2, role: 'canary', version: 2 }), aRow('c', { asOf: 1, role: 'fallback', version: 0 }), aRow('a', { asOf: 3, role: 'shadow', version: 2 }), aRow('n', { asOf: 4, role: 'named' })];
    await append(rows);
    await append([...rows, aRow('d', { asOf: 3, deployment: 'other' })]);
    await Promise.all(Array.from({ length: 8 }, (_, index) => append([aRow(`e${index}`, { asOf: 5 })])));
    await expect(database.transaction(async (tx) => { await ledger.append(tx, [aRow('undone')]); throw new Error('undone'); })).rejects.toThrow('undone');
    expect(await ledger.figures()).toEqual({ predictions: 12, fallbacks: 1, shadows: 1 });
    expect(await ledger.countByDeployment()).toEqual(new Map([['orders', 11], ['other', 1]]));
    expect(await ledger.count()).toBe(12);
  });

  it('lists the newest first, of all deployments or of one, in a time, or of a role', async () => {
    expect(await list({ to: 5 })).toEqual(['n 1', 'd 1', 'a 1', 'b 2', 'c 0']);
    expect(await list({ to: 5, limit: 2 })).toEqual(['n 1', 'd 1']);
    expect(await list({ deployment: 'orders', from: 2, to: 4 })).toEqual(['a 1', 'b 2']);
    expect(await list({ role: 'shadow' })).toEqual(['a 2']);
    expect(await list({ deployment: 'nothing' })).toEqual([]);
    expect((await ledger.find(['a']))[0]).toEqual(aRow('a', { asOf: 3 }));
  });

  it('reads neither its counts nor a list from all of its rows', async () => {
    await database.query(`INSERT INTO prediction SELECT 'x' || n, 1, 'live', 'orders', 'm', 'd', '', 0, 100 + n, '', '{}', '[]', '{}' FROM generate_series(1, 20000) AS n`);
    await database.query('ANALYZE prediction');
    asked.length = 0;
    await Promise.all([ledger.figures(), ledger.countByDeployment(), list(), list({ deployment: 'orders', role: 'fallback' })]);
    for (const [sql, parameters] of asked) expect(JSON.stringify(await database.query(`EXPLAIN ${sql}`, parameters))).not.toContain('Seq Scan on prediction');
    expect(asked).toHaveLength(4);
  });

  it('counts what it held before it was counted', async () => {
    const before = await openDatabase({ name: 'serving', migrations: ServingModule.migrations.slice(0, 4) }, { at: 50 });
    try {
      await before.query(`INSERT INTO prediction SELECT 'x' || n, 1, CASE WHEN n <= 2 THEN 'shadow' ELSE 'live' END, 'orders', 'm', 'd', '', 0, n, '', '{}', '[]', '{}' FROM generate_series(1, 5) AS n`);
      await new Serving0005LedgerCounts1700000000005().up({ query: (sql: string) => before.query(sql) } as never);
      expect(await new LedgerStore(before as never).figures()).toEqual({ predictions: 3, shadows: 2 });
    } finally {
      await before.close();
    }
  });
});
