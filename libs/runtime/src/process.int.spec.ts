import { spawn, type ChildProcess } from 'node:child_process';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { eventually, startServices, type RunningServices } from '@rhei/testing';
import { z } from 'zod';
import { service, type Environment } from './index';

const owner = service({ name: 'monitoring', config: z.object({}), migrations: [], deps: () => ({}) });
const root = join(__dirname, '..', '..', '..');

describe('a process that is run()', () => {
  let running: RunningServices;
  let env: Environment;
  beforeAll(async () => {
    running = await startServices([owner], { clock: 'replay', at: 0 });
    env = { ...running.env, HTTP_PORT: '0', GRPC_PORT: '0' };
  });
  afterAll(() => running?.stop());

  const started: ChildProcess[] = [];
  afterEach(() => started.splice(0).forEach((child) => child.kill('SIGKILL')));
  const launch = (variables: Environment) => {
    const child = spawn(process.execPath, ['-r', join(root, 'libs/testing/cluster/register.cjs'), join(__dirname, 'run.fixture.ts')],
      { env: { PATH: process.env['PATH'], ...variables } as NodeJS.ProcessEnv, stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(child);
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    const ready = new Promise<string>((resolve, reject) => {
      child.stdout.on('data', () => /READY \d+/.test(output) && resolve(output));
      void ended.then(() => reject(new Error(`it ended: ${output}`)));
    });
    ready.catch(() => undefined);
    return { child, ended, ready, output: () => output };
  };

  it('ends with 0 when it is told to end', async () => {
    const { child, ended, ready } = launch(env);
    await ready;
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
  it('ends with 2 and every fault of its configuration', async () => {
    const { ended, output } = launch({ ...env, HTTP_PORT: 'x', MONITORING_DATABASE_URL: 'mysql://x', MONITORING_TOKEN: '' });
    expect(await ended).toBe(2);
    expect(output()).toMatch(/3 faults:.*HTTP_PORT.*MONITORING_DATABASE_URL.*MONITORING_TOKEN/s);
  });
  it('ends with 2 when a port is in use, and names the variable', async () => {
    const server = createServer().listen(0);
    const { port } = server.address() as { port: number };
    const [http, grpc] = [launch({ ...env, HTTP_PORT: String(port) }), launch({ ...env, GRPC_PORT: String(port) })];
    expect(await Promise.all([http.ended, grpc.ended])).toEqual([2, 2]);
    expect(http.output()).toMatch(new RegExp(`HTTP port ${port} cannot be taken: it is in use\\. .*HTTP_PORT`));
    expect(grpc.output()).toMatch(new RegExp(`gRPC port ${port} cannot be taken.*GRPC_PORT`));
    server.close();
  });
  it('ends with 2 when its database was born with the other kind of clock', async () => {
    const { ended, output } = launch({ ...env, CLOCK: 'system' });
    expect(await ended).toBe(2);
    expect(output()).toMatch(/born with CLOCK=replay, and CLOCK=system was asked for.*Set CLOCK=replay, or use a new database/s);
  });
  it('is live and unready while its database server is not there, says why, and becomes ready when it comes', async () => {
    const [database, http] = [await freePort(), await freePort()];
    const own = new URL(env.MONITORING_DATABASE_URL!);
    const server = { host: own.hostname, port: Number(own.port) };
    own.port = String(database);
    const { child, ended, ready, output } = launch({ ...env, LOG_LEVEL: 'info', HTTP_PORT: String(http), MONITORING_DATABASE_URL: own.href });
    const ask = (path: string) => fetch(`http://127.0.0.1:${http}${path}`);
    await eventually('it listens', async () => (await ask('/health/live')).status === 200);
    const unready = await ask('/health/ready');
    expect(unready.status).toBe(503);
    expect(await unready.json()).toMatchObject({ status: 'not ready', services: { monitoring: { ready: false, because: expect.stringMatching(/database of monitoring at postgres:.*:…@.* does not answer: .*ECONNREFUSED.*MONITORING_DATABASE_URL/) } } });
    expect((await ask('/metrics')).status).toBe(503);
    expect(output()).toMatch(/the service waits; it starts when that is there/);
    const way = createServer((from) => void from.on('error', () => undefined).pipe(connect(server).on('error', () => undefined)).pipe(from)).listen(database, '127.0.0.1');
    await ready;
    expect((await ask('/health/ready')).status).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    way.close();
  }, 30_000);
  it('ends at once when it is told to end while it waits', async () => {
    const http = await freePort();
    const { child, ended } = launch({ ...env, HTTP_PORT: String(http), MONITORING_DATABASE_URL: 'postgres://a:b@127.0.0.1:9/x' });
    await eventually('it listens', async () => (await fetch(`http://127.0.0.1:${http}/health/live`)).status === 200);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  }, 30_000);
  it('ends with 2 when the database refuses the password, or is not on the server', async () => {
    const [wrong, gone] = [new URL(env.MONITORING_DATABASE_URL!), new URL(env.MONITORING_DATABASE_URL!)];
    wrong.password = 'wrong';
    gone.pathname = '/no_such_database';
    const [refused, missing] = [launch({ ...env, MONITORING_DATABASE_URL: wrong.href }), launch({ ...env, MONITORING_DATABASE_URL: gone.href })];
    expect(await Promise.all([refused.ended, missing.ended])).toEqual([2, 2]);
    expect(refused.output()).toMatch(/cannot be used: password authentication failed.*change MONITORING_DATABASE_URL/);
    expect(missing.output()).toMatch(/cannot be used: database "no_such_database" does not exist/);
  }, 30_000);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
