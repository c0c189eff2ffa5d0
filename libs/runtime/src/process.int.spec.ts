import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startServices, type RunningServices } from '@rhei/testing';
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
  it('ends with 2 when the database server is not there', async () => {
    const { ended, output } = launch({ ...env, MONITORING_DATABASE_URL: 'postgres://a:b@127.0.0.1:9/x' });
    expect(await ended).toBe(2);
    expect(output()).toMatch(/ECONNREFUSED.*change MONITORING_DATABASE_URL/);
  });
});
