import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { startCluster, type EmbeddedCluster } from './embedded-postgres';
import { isAlive } from './alive';
import { pause } from './clock';

const query = async (url: string, sql: string) => {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query(sql).finally(() => client.end());
  return rows as Record<string, unknown>[];
};

describe('an embedded PostgreSQL', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cluster-'));
  let cluster: EmbeddedCluster;
  const start = async () => (cluster = await startCluster({ folder, fast: true, maxConnections: 20 }));
  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is made where there is nothing, with databases that only their role may enter', async () => {
    await start();
    expect(cluster.adopted).toBe(false);
    await cluster.createRole('rhei_registry', 'one');
    await cluster.createRole('rhei_registry', 'two');
    await cluster.createRole('rhei_feature', 'three');
    await cluster.createDatabase('registry', 'rhei_registry');
    await cluster.createDatabase('registry', 'rhei_registry');
    await query(cluster.urlFor('rhei_registry', 'two', 'registry'), 'CREATE TABLE kept AS SELECT 1 AS x');
    await expect(query(cluster.urlFor('rhei_registry', 'one', 'registry'), 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    await expect(query(cluster.urlFor('rhei_feature', 'three', 'registry'), 'SELECT 1')).rejects.toThrow(/permission denied/);
    expect(await query(cluster.adminUrl(), `SELECT current_setting('server_encoding') AS encoding, datcollate AS collation FROM pg_database WHERE datname = 'registry'`)).toEqual([{ encoding: 'UTF8', collation: 'C' }]);
    expect(statSync(join(folder, 'cluster.json')).mode & 0o077).toBe(0);
  });
  it('is adopted when it still runs', async () => {
    const { pid, port } = cluster;
    await start();
    expect(cluster).toMatchObject({ adopted: true, pid, port });
  });
  it('keeps its port and what was committed over a stop and a start', async () => {
    const { pid, port } = cluster;
    await cluster.stop();
    expect(isAlive(pid)).toBe(false);
    await start();
    expect(cluster).toMatchObject({ adopted: false, port });
    expect(await query(cluster.urlFor('rhei_registry', 'two', 'registry'), 'SELECT x FROM kept')).toEqual([{ x: 1 }]);
  });
  it('starts again after its server was killed, whatever its backends still do', async () => {
    const busy = new Client({ connectionString: cluster.adminUrl() });
    busy.on('error', () => undefined);
    await busy.connect();
    // A backend in a long loop does not notice the death of its server.
    busy.query('DO $$ DECLARE x bigint := 0; BEGIN FOR i IN 1..2000000000 LOOP x := x + i; END LOOP; END $$').catch(() => undefined);
    await pause(100);
    process.kill(cluster.pid, 'SIGKILL');
    await start();
    expect(cluster.adopted).toBe(false);
    expect(await query(cluster.urlFor('rhei_registry', 'two', 'registry'), 'SELECT x FROM kept')).toEqual([{ x: 1 }]);
    await busy.end().catch(() => undefined);
  });
  it('comes back by itself when it is killed and somebody keeps it alive', async () => {
    const told: string[] = [];
    cluster.keepAlive({ fast: true, maxConnections: 20 }, (message) => told.push(message));
    const { pid, port } = cluster;
    process.kill(pid, 'SIGKILL');
    for (let waited = 0; cluster.pid === pid && waited < 10_000; waited += 50) await pause(50);
    expect(cluster.port).toBe(port);
    expect(await query(cluster.urlFor('rhei_registry', 'two', 'registry'), 'SELECT x FROM kept')).toEqual([{ x: 1 }]);
    expect(told).toEqual([expect.stringMatching(/started again/)]);
  });
  it('says which folder is closed to the user that it runs as, where this process is root', async () => {
    if (process.getuid?.() !== 0) return;
    const closed = mkdtempSync(join(tmpdir(), 'closed-'));
    await expect(startCluster({ folder: join(closed, 'postgres'), fast: true })).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(`Run "chmod o+x ${closed}"`) });
    rmSync(closed, { recursive: true });
  });
  it('says so when the port that it was given is in use', async () => {
    await cluster.stop();
    const server = createServer().listen(0, '127.0.0.1');
    await pause(10);
    const { port } = server.address() as { port: number };
    await expect(startCluster({ folder, port, fast: true })).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(/in use/) });
    server.close();
    await start();
  });
});
