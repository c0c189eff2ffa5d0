import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSchema, eventually, instant, openDatabase, schemaOf } from './index';

class Things0001Thing1700000002000 {
  async up(runner: { query(sql: string): Promise<unknown> }) {
    await runner.query(`CREATE TABLE thing (id text PRIMARY KEY, at bigint NOT NULL); CREATE INDEX thing_at ON thing (at)`);
  }
  async down() {}
}
const things = { name: 'registry' as const, migrations: [Things0001Thing1700000002000] as never };

describe('a database for a spec', () => {
  it('has the tables of a service and a clock that can be moved', async () => {
    const db = await openDatabase(things, { at: instant('2001-01-01T00:00:00Z') });
    await db.setTime(instant('2001-01-02T00:00:00Z'));
    await db.transaction((tx) => tx.query('INSERT INTO thing VALUES ($1, $2)', ['a', tx.now]));
    expect(await db.query('SELECT * FROM thing')).toEqual([{ id: 'a', at: instant('2001-01-02T00:00:00Z') }]);
    await db.close();
  });
  it('is compared with the schema under review', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'schema-')), 'schema.sql');
    writeFileSync(file, await schemaOf(things));
    expect(readFileSync(file, 'utf8')).toBe('CREATE TABLE thing (\n  id text NOT NULL,\n  at bigint NOT NULL,\n  CONSTRAINT thing_pkey PRIMARY KEY (id)\n);\nCREATE INDEX thing_at ON thing USING btree (at);\n');
    await checkSchema(things, file);
    writeFileSync(file, readFileSync(file, 'utf8').replace('bigint', 'integer'));
    await expect(checkSchema(things, file)).rejects.toThrow(/First at line 3: the file has " {2}at integer NOT NULL,", the database " {2}at bigint NOT NULL,"/);
  });
});

describe('eventually', () => {
  it('waits until a check neither throws nor says no', async () => {
    let asked = 0;
    expect(await eventually('the third time', () => {
      asked += 1;
      if (asked === 1) throw new Error('not yet');
      return asked >= 3 && 'yes';
    })).toBe('yes');
  });
  it('says what was awaited, and the last failure', async () => {
    await expect(eventually('a miracle', () => Promise.reject(new Error('none')), 30)).rejects.toThrow(/Waited 30 ms in vain for: a miracle\. none/);
  });
});
