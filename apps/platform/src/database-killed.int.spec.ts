import { status, type ServiceError } from '@grpc/grpc-js';
import { registry, runtime } from '@rhei/contracts';
import { eventually } from '@rhei/testing';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder, PlatformProcess, removeFolder } from '../spec/platform-process';
import { applyExample, caller } from '../spec/scene';

describe('a platform whose database server is killed', () => {
  const data = newFolder();
  const read = <T>(name: string): T => JSON.parse(readFileSync(join(data, name), 'utf8')) as T;
  const postmaster = (): number => Number(readFileSync(join(data, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  let platform: PlatformProcess;
  let http: string;
  let tokens: Record<string, string>;
  let call: ReturnType<typeof caller>;

  beforeAll(async () => {
    platform = PlatformProcess.start(data, ['--empty']);
    await eventually('the platform is up', () => existsSync(join(data, 'platform.json')), 30_000);
    const { http: address, grpc } = read<{ http: string; grpc: string }>('platform.json');
    http = address;
    tokens = read('tokens.json');
    call = caller({ grpc, token: (name) => tokens[name] });
    await applyExample(call);
  }, 60_000);
  afterAll(async () => {
    call?.close();
    process.kill(platform.pid, 'SIGTERM');
    await platform.ended;
    removeFolder(data);
  }, 30_000);

  const ready = async (): Promise<number> => (await fetch(`${http}/health/ready`)).status;
  const events = (from: number) => Array.from({ length: 20 }, (_, index) => ({
    specversion: '1.0', id: `e${from + index}`, source: 'airline', type: 'flight.scheduled', time: '2001-01-31T17:00:00Z', datacontenttype: 'application/json',
    data: { flight: `e${from + index}`, origin: 'JFK', destination: 'LAX', distance: 2475, departure: '2001-01-31T17:00:00Z' },
  }));
  const publish = (from: number): Promise<Response> => fetch(`${http}/ingestion/events`, {
    method: 'POST', headers: { authorization: `Bearer ${tokens.admin}`, 'content-type': 'application/json' }, body: JSON.stringify(events(from)),
  });
  const statuses = async (response: Response): Promise<string[]> => ((await response.json()) as { status: string }[]).map((one) => one.status);
  const statusOf = (service: string): Promise<runtime.GetStatusResponse> => call.call(runtime.OperationsServiceClient, 'getStatus', { service });

  it('says unavailable and is unready, comes back by itself, and has lost nothing that it acknowledged', async () => {
    await eventually('the source is known', async () => (await statuses(await publish(0))).every((one) => one === 'accepted' || one === 'duplicate'));
    const acknowledged = [0];
    expect(await ready()).toBe(200);

    const killed = postmaster();
    process.kill(killed, 'SIGKILL');
    let next = 0;
    const refused = await eventually('an answer while it is down', async () => {
      next += 20;
      const response = await publish(next);
      if (response.status === 200) acknowledged.push(next);
      return response.status !== 200 && response;
    });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: 'unavailable' });
    expect(await ready()).toBe(503);
    const error = await call.call(registry.RegistryServiceClient, 'listModels', {}).then(() => undefined, (failure: ServiceError) => failure);
    expect(error?.code).toBe(status.UNAVAILABLE);

    await eventually('it is ready again', async () => (await ready()) === 200, 30_000);
    expect(postmaster()).not.toBe(killed);
    expect(platform.output).toMatch(/database server has ended/);
    next += 20;
    await eventually('it takes events again', async () => {
      const response = await publish(next);
      return response.status === 200 && acknowledged.push(next);
    });
    // What was acknowledged is there, so it comes again as a duplicate; and it went through the log to whom it concerns.
    for (const from of acknowledged) expect(await statuses(await publish(from))).toEqual(Array.from({ length: 20 }, () => 'duplicate'));
    await eventually('all of it is heard', async () => {
      const [ingestion, feature] = await Promise.all([statusOf('ingestion'), statusOf('feature')]);
      return ingestion.unsent === 0 && feature.lag === 0;
    }, 20_000);
    const heard = await statusOf('feature');
    expect([heard.parked, heard.deadLetters]).toEqual([[], []]);
  }, 90_000);
});
