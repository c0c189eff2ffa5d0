import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ingestion } from '@rhei/contracts';
import { installPostgresLog } from '@rhei/messaging';
import { eventually, makeTokens } from '@rhei/testing';
import { z } from 'zod';
import { DEPS, run, service, shared, startCluster, type Database, type Environment, type Running, type EmbeddedCluster } from './index';

interface Deps {
  database: Database;
}
@Controller('fake')
class FakeController {
  constructor(@Inject(DEPS) private readonly deps: Deps) {}
  @Post('sources')
  @HttpCode(200)
  async say() {
    return this.deps.database.transaction(async (tx) => {
      const [{ next }] = await tx.query<{ next: number }>('INSERT INTO said DEFAULT VALUES RETURNING id AS next');
      await tx.emit('SourceApplied', 'a', ingestion.SourceApplied.fromPartial({ name: `s${next}` }));
      return { said: next };
    });
  }
}
const heard: string[] = [];
const deps = ({ database }: { database: Database }): Deps => ({ database });
const speaker = service<object, Deps>({
  name: 'ingestion', config: z.object({}), deps,
  migrations: [class Fake0001Said1700000003000 {
    async up(runner: { query(sql: string): Promise<unknown> }) {
      await runner.query('CREATE TABLE said (id bigint GENERATED ALWAYS AS IDENTITY)');
    }
    async down() {}
  }],
  http: [{ controller: FakeController, routes: { 'POST /fake/sources': { roles: ['developer'] } } }],
});
const hearer = service<object, Deps>({
  name: 'feature', config: z.object({}), migrations: [], deps,
  on: [shared<Deps, 'SourceApplied'>('SourceApplied', async (_deps, { payload }, tx) => tx.afterCommit(() => heard.push(payload.name)))],
});

describe('a database server that is killed below a running process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outage-'));
  let cluster: EmbeddedCluster;
  let running: Running;
  let token: string;
  beforeAll(async () => {
    chmodSync(folder, 0o711);
    const options = { fast: true, maxConnections: 60 };
    cluster = await startCluster({ folder: join(folder, 'postgres'), ...options });
    cluster.keepAlive(options);
    const tokens = makeTokens(join(folder, 'principals.json'));
    token = tokens['dev'];
    const env: Environment = { PRINCIPALS: join(folder, 'principals.json'), BLOBS: `file:${join(folder, 'blobs')}`, HTTP_PORT: '0', GRPC_PORT: '0', LOG_LEVEL: 'silent' };
    await cluster.createDatabase('log');
    for (const name of ['ingestion', 'feature']) {
      await cluster.createRole(`rhei_${name}`, 'x');
      await cluster.createDatabase(name, `rhei_${name}`);
      env[`${name.toUpperCase()}_DATABASE_URL`] = cluster.urlFor(`rhei_${name}`, 'x', name);
      env[`${name.toUpperCase()}_EVENT_LOG`] = cluster.urlFor(`rhei_${name}`, 'x', 'log');
      env[`${name.toUpperCase()}_TOKEN`] = tokens[name];
    }
    await installPostgresLog(cluster.adminUrl('log'));
    running = await run([speaker, hearer], { env });
  });
  afterAll(async () => {
    await running?.stop();
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const say = () => fetch(`${running.http}/fake/sources`, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
  const ready = async () => (await fetch(`${running.http}/health/ready`)).status;

  it('makes it unready, its answers unavailable, and costs nothing that was acknowledged', async () => {
    const acknowledged: string[] = [];
    const note = async (response: Response) => acknowledged.push(`s${((await response.json()) as { said: number }).said}`);
    for (let index = 0; index < 5; index += 1) await note(await say());
    expect(await ready()).toBe(200);
    process.kill(cluster.pid, 'SIGKILL');
    const refused = await eventually('an answer while it is down', async () => {
      const response = await say();
      if (response.status === 200) await note(response);
      return response.status === 503 && response;
    });
    expect(await refused.json()).toMatchObject({ code: 'unavailable', reason: 'DATABASE_UNAVAILABLE' });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await ready()).toBe(503);
    await eventually('it is ready again', async () => (await ready()) === 200, 20_000);
    await eventually('it takes requests again', async () => {
      const response = await say();
      return response.status === 200 && note(response);
    });
    await eventually('everything that was acknowledged is heard', () => acknowledged.every((name) => heard.includes(name)), 20_000);
    expect(heard.length).toBe(new Set(heard).size);
  }, 60_000);
});
