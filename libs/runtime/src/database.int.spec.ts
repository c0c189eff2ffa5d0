import { registry } from '@rhei/contracts';
import { eventually, freshName, instant, openDatabase, testCluster, type TestDatabase } from '@rhei/testing';
import { messagingMigrations } from '@rhei/messaging';
import { Client } from 'pg';
import { EntitySchema, IsNull } from 'typeorm';
import { createLogger, runtimeMigrations, ServiceDatabase, SystemClock, verifyChain, readDecisions, type Service } from './index';
import { entityDisagreements, dumpSchema } from './schema-dump';

interface Thing {
  id: string;
  at: number;
  note: string | null;
}
const thing = new EntitySchema<Thing>({ name: 'thing', columns: { id: { type: 'text', primary: true }, at: { type: 'bigint' }, note: { type: 'text', nullable: true } } });
class Things0001Thing1700000002000 {
  async up(runner: { query(sql: string): Promise<unknown> }) {
    await runner.query('CREATE TABLE thing (id text NOT NULL, at bigint NOT NULL, note text, CONSTRAINT "PK_1a0e9dc6b22f3e7a1e3a4e2b7a5" PRIMARY KEY (id))');
  }
  async down() {}
}
const things = { name: 'registry', migrations: [Things0001Thing1700000002000], entities: [thing] } as unknown as Pick<Service, 'name' | 'migrations' | 'entities'>;
const start = instant('2001-01-01T00:00:00Z');
const log = createLogger('runtime', 'silent');

describe('a transaction', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openDatabase(things, { at: start });
  });
  afterAll(() => db.close());

  it('shows the instant of the clock in its database, and reads bigints as numbers', async () => {
    const rows = await db.transaction((tx) => tx.query('INSERT INTO thing (id, at) VALUES ($1, $2) RETURNING at, ARRAY[at, NULL, -1]::bigint[] AS list', ['now', tx.now]));
    expect(rows).toEqual([{ at: start, list: [start, null, -1] }]);
  });
  it('refuses a bigint that no double can hold', async () => {
    await expect(db.query('SELECT 9007199254740993::bigint AS x')).rejects.toThrow(/beyond ±2\^53/);
  });
  it('gives TypeORM the same connection, so that what it writes is part of it', async () => {
    await expect(db.transaction(async (tx) => {
      await tx.manager.save(thing, { id: 'by-entity', at: 1, note: null });
      expect(await tx.query('SELECT id FROM thing WHERE id = $1', ['by-entity'])).toHaveLength(1);
      throw new Error('no');
    })).rejects.toThrow('no');
    expect(await db.query('SELECT id FROM thing WHERE id = $1', ['by-entity'])).toEqual([]);
    await db.transaction((tx) => tx.manager.insert(thing, { id: 'kept', at: 2, note: null }));
    expect(await db.transaction((tx) => tx.manager.findOneBy(thing, { note: IsNull(), id: 'kept' }))).toEqual({ id: 'kept', at: 2, note: null });
    await expect(db.transaction((tx) => tx.manager.findOneBy(thing, { id: undefined }))).rejects.toThrow(/undefined/i);
  });
  it('is repeated when it met another in a deadlock', async () => {
    await db.query(`INSERT INTO thing (id, at) VALUES ('left', 0), ('right', 0)`);
    let runs = 0;
    const update = (first: string, second: string) => db.transaction(async (tx) => {
      runs += 1;
      await tx.query('UPDATE thing SET at = at + 1 WHERE id = $1', [first]);
      await tx.query('SELECT pg_sleep(0.05)');
      await tx.query('UPDATE thing SET at = at + 1 WHERE id = $1', [second]);
    });
    await Promise.all([update('left', 'right'), update('right', 'left')]);
    expect(runs).toBe(3);
    expect(await db.query(`SELECT at FROM thing WHERE id IN ('left', 'right')`)).toEqual([{ at: 2 }, { at: 2 }]);
  });
  it('keeps the clock from moving below it', async () => {
    let moved = false;
    const moving = db.transaction(async (tx) => {
      const move = db.setTime(start + 1).then(() => (moved = true));
      await tx.query('SELECT pg_sleep(0.1)');
      expect(moved).toBe(false);
      expect(await tx.query('SELECT "time" FROM clock')).toEqual([{ time: start }]);
      return { move };
    });
    await (await moving).move;
    expect(await db.transaction(async (tx) => tx.now)).toBe(start + 1);
  });
  it('leaves nothing behind when it fails: no event, no decision, no timer', async () => {
    await expect(db.transaction(async (tx) => {
      await tx.emit('ModelApplied', 'm', registry.ModelApplied.fromPartial({ name: 'm' }));
      await tx.decide({ subject: 's', action: 'a', by: 'b', inputs: 1, outcome: 2 });
      await tx.arm('k', 'x', start + 10);
      await tx.query('SELECT 1/0');
    })).rejects.toThrow(/division by zero/);
    const counts = await db.query('SELECT (SELECT count(*) FROM outbox) AS outbox, (SELECT count(*) FROM decision) AS decisions, (SELECT count(*) FROM timer) AS timers');
    expect(counts).toEqual([{ outbox: 0, decisions: 0, timers: 0 }]);
  });
  it('runs what was left for afterwards only when it committed', async () => {
    const ran: string[] = [];
    await db.transaction(async (tx) => tx.afterCommit(() => ran.push('committed')));
    await db.transaction(async (tx) => {
      tx.afterCommit(() => ran.push('rolled back'));
      throw new Error('no');
    }).catch(() => undefined);
    expect(ran).toEqual(['committed']);
  });
  it('says so when something was not awaited inside it', async () => {
    let late: Promise<unknown> = Promise.resolve();
    await db.transaction(async (tx) => {
      late = new Promise((resolve) => setTimeout(resolve, 20)).then(() => tx.query('SELECT 1'));
    });
    await expect(late).rejects.toThrow(/not awaited/);
  });
  it('appends to one chain of decisions, whoever writes at once', async () => {
    await Promise.all(Array.from({ length: 15 }, (_, index) => db.transaction(async (tx) => {
      await tx.decide({ subject: `s/${index}`, action: 'first', by: 'rule', inputs: { index }, outcome: null });
      await tx.decide({ subject: `s/${index}`, action: 'second', by: 'rule', inputs: {}, outcome: [1] });
    })));
    const chain = await readDecisions(db, { after: 0, limit: 100 });
    expect(verifyChain(chain)).toMatchObject({ ok: true, decisions: 30 });
    await db.query(`UPDATE decision SET outcome = '"other"' WHERE sequence = 7`);
    expect(verifyChain(await readDecisions(db, { after: 0, limit: 100 }))).toMatchObject({ ok: false, sequence: 7 });
  });
});

describe('migrations', () => {
  const open = (url: string, service: typeof things) =>
    ServiceDatabase.open({ service: 'registry', url, log, migrations: [...messagingMigrations, ...runtimeMigrations, ...service.migrations], ...(service.entities && { entities: service.entities }), poolSize: 3 });

  it('run once when twenty start at once', async () => {
    const cluster = await testCluster();
    const name = freshName('twenty');
    await cluster.createDatabase(name);
    const opened = await Promise.all(Array.from({ length: 20 }, () => open(cluster.adminUrl(name), things)));
    expect(await opened[0].query('SELECT name FROM migration ORDER BY place')).toEqual(
      [...messagingMigrations, ...runtimeMigrations, Things0001Thing1700000002000].map((migration) => ({ name: migration.name })));
    await Promise.all(opened.map((database) => database.close()));
    await cluster.dropDatabase(name);
  });
  it('leave nothing of a set of which one fails', async () => {
    const cluster = await testCluster();
    const name = freshName('failing');
    await cluster.createDatabase(name);
    class Broken0001 {
      async up(runner: { query(sql: string): Promise<unknown> }) {
        await runner.query('CREATE TABLE half (x int); SELECT nonsense');
      }
      async down() {}
    }
    await expect(open(cluster.adminUrl(name), { ...things, migrations: [Broken0001] } as unknown as typeof things)).rejects.toThrow(/nonsense/);
    const client = new Client(cluster.adminUrl(name));
    await client.connect();
    expect((await client.query(`SELECT relname FROM pg_class WHERE relname IN ('half', 'clock', 'migration')`)).rows).toEqual([]);
    await client.end();
    await cluster.dropDatabase(name);
  });
  it('agree with the entities, or the disagreement is named', async () => {
    const cluster = await testCluster();
    const name = freshName('entities');
    await cluster.createDatabase(name);
    const database = await open(cluster.adminUrl(name), things);
    expect((await entityDisagreements(database.dataSource)).filter((sql) => !/CONSTRAINT/.test(sql))).toEqual([]);
    await database.query('ALTER TABLE thing ADD COLUMN extra int');
    expect((await entityDisagreements(database.dataSource)).join()).toMatch(/DROP COLUMN "extra"/);
    await database.close();
    await cluster.dropDatabase(name);
  });
  it('give a dump that does not depend on the order of what was made', async () => {
    const [one, other] = [await openDatabase(things), await openDatabase(things)];
    await one.query('CREATE TABLE b (x int DEFAULT 7); CREATE TABLE a (y text NOT NULL); CREATE INDEX ab ON b (x)');
    await other.query('CREATE TABLE a (y text NOT NULL); CREATE TABLE b (x int DEFAULT 7); CREATE INDEX ab ON b (x)');
    const dump = await dumpSchema(one);
    expect(dump).toBe(await dumpSchema(other));
    expect(dump).toContain('CREATE TABLE a (\n  y text NOT NULL\n);\n\nCREATE TABLE b (\n  x integer DEFAULT 7\n);\nCREATE INDEX ab ON b USING btree (x);');
    expect(dump).toContain('CREATE OR REPLACE FUNCTION set_clock');
    await one.close();
    await other.close();
  });
});

describe('a database that goes away', () => {
  it('gives unavailable, and comes back by itself', async () => {
    const db = await openDatabase(things);
    const database = await ServiceDatabase.open({ service: 'registry', url: db.url, log, migrations: [] });
    database.useClock(new SystemClock());
    const kill = () => db.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid() AND application_name = 'rhei registry' AND query NOT LIKE '%terminate%'`, [db.name]);
    const failing = database.transaction(async (tx) => {
      await kill();
      await tx.query('SELECT 1');
    });
    await expect(failing).rejects.toMatchObject({ code: 'unavailable', details: { reason: 'DATABASE_UNAVAILABLE' } });
    expect(database.reachable).toBe(false);
    await eventually('the database answers again', () => database.reachable, 5_000);
    expect(await database.transaction((tx) => tx.query('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
    await database.close();
    await db.close();
  });
  it('prepares its statements anew when a table has changed below them', async () => {
    const db = await openDatabase(things);
    const read = () => db.transaction((tx) => tx.query('SELECT * FROM thing'));
    expect(await read()).toEqual([]);
    await db.query('ALTER TABLE thing ADD COLUMN extra int');
    expect(await read()).toEqual([]);
    await db.close();
  });
  it('that was never there is unavailable, and says which variable to change', async () => {
    await expect(ServiceDatabase.open({ service: 'registry', url: 'postgres://a:hush@127.0.0.1:1/x', log, migrations: [] })).rejects.toMatchObject({
      code: 'unavailable', message: expect.stringMatching(/registry at postgres:\/\/a:…@127\.0\.0\.1:1\/x.*REGISTRY_DATABASE_URL/),
    });
  });
});
