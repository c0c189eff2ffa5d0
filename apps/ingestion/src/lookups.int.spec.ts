import type { Queryable } from '@rhei/messaging';
import { openDatabase, type TestDatabase } from '@rhei/testing';
import { IngestionModule } from './index';
import { openQuarantined } from './quarantine.store';
import { knownFacts, knownRecords, saveSupersedes } from './record.store';

let database: TestDatabase;
const ids = Array.from({ length: 500 }, (_, index) => ({ source: 's', id: `e${index}`, type: 't', identity: `f${index}`, supersedes: '' }));

beforeAll(async () => {
  database = await openDatabase(IngestionModule);
}, 60_000);
afterAll(() => database?.close());

/** How the statements of an act are planned, once the statistics are those of a table of so many rows. */
async function plansOf(rows: number, act: (q: Queryable) => Promise<unknown>): Promise<string> {
  await database.query('TRUNCATE record, quarantine RESTART IDENTITY');
  await database.query(`INSERT INTO record SELECT 's', 'e' || n, 't', 'k', 0, n, n, 'observed', n, '', '{}', '', 1, '', '', CASE WHEN n % 2 = 0 THEN 'f' || n / 2 ELSE '' END FROM generate_series(0, $1::int - 1) AS n`, [rows]);
  await database.query(`INSERT INTO quarantine (source, event_id, event_type, code, field, rule, hint, sender, received_at, original, content_digest, state, mended_by, mended_at, reason, outcome, mended_digest)
    SELECT 's', 'q' || n, 't', 'rejected', '', '', '', '', n, '', n::text, CASE WHEN n % 100 = 0 THEN 'open' ELSE 'mended' END, CASE WHEN n % 100 > 0 THEN 'm' END, CASE WHEN n % 100 > 0 THEN 1 END, CASE WHEN n % 100 > 0 THEN '' END, CASE WHEN n % 100 > 0 THEN 'accepted' END, CASE WHEN n % 100 > 0 THEN '' END
    FROM generate_series(1, $1::int) AS n`, [rows]);
  await database.query('ANALYZE record, quarantine');
  const lines: string[] = [];
  await database.transaction((tx) => act({
    async query<Row>(sql: string, parameters: unknown[] = []) {
      if (sql.includes('set_config')) await tx.query(sql);
      else lines.push(...(await tx.query<Record<string, string>>(`EXPLAIN ${sql}`, parameters)).map((row) => row['QUERY PLAN']));
      return [] as Row[];
    },
  }));
  return lines.join('\n');
}

describe('what a batch asks of the records', () => {
  it.each([60, 5_000])('is looked up one by one, by index, however many of them there were when it was planned: %i', async (rows) => {
    for (const act of [(q: Queryable) => knownRecords(q, ids), (q: Queryable) => saveSupersedes(q, ids)]) {
      const plan = await plansOf(rows, act);
      expect(plan).toMatch(/Index Cond: \(\(source = \w+\.source\) AND \(id = \w+\.id\)\)/);
      expect(plan).not.toMatch(/Seq Scan on record|Hash Join|Merge Join/);
    }
    const plan = await plansOf(rows, (q) => knownFacts(q, ids));
    expect(plan).toMatch(/Index Scan Backward using record_by_fact/);
    expect(plan).not.toMatch(/Seq Scan on record|Hash Join|Merge Join/);
  });

  it('finds what is open in the quarantine without reading what was mended', async () => {
    expect(await plansOf(5_000, (q) => openQuarantined(q, {}, '0', 100))).toContain('quarantine_open');
  });
});
