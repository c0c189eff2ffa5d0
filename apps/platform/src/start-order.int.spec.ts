import { inference, registry, runtime, serviceNames, type ServiceName } from '@rhei/contracts';
import { openBlobs, start, type Running } from '@rhei/runtime';
import { eventually, startServices, type RunningServices } from '@rhei/testing';
import { createServer, type AddressInfo } from 'node:net';
import { caller, completedRun, exampleResources, inferRequest, question, tinyModel } from '../spec/scene';
import { modules } from './embedded';

/** Ports that nobody has taken yet. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise<ReturnType<typeof createServer>>((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => resolve(server));
  })));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

describe('six services that start one by one, the last of the loop first', () => {
  let prepared: RunningServices;
  let addresses: Record<ServiceName, string>;
  const started = new Map<ServiceName, Running>();

  beforeAll(async () => {
    // Their databases and their log; nothing is in them yet.
    prepared = await startServices(modules);
    await prepared.running.stop();
    const ports = await freePorts(serviceNames.length);
    addresses = Object.fromEntries(serviceNames.map((name, index) => [name, `127.0.0.1:${ports[index]}`])) as Record<ServiceName, string>;
  }, 60_000);
  afterAll(async () => {
    await Promise.all([...started.values()].map((one) => one.stop()));
    await prepared?.stop();
  }, 30_000);

  const begin = async (name: ServiceName): Promise<void> => {
    const peers = Object.fromEntries(serviceNames.filter((peer) => peer !== name).map((peer) => [`${peer.toUpperCase()}_GRPC`, addresses[peer]]));
    const module = modules.find((one) => one.name === name)!;
    started.set(name, await start([module], { env: { ...prepared.env, ...peers, HTTP_PORT: '0', GRPC_PORT: addresses[name].split(':')[1] } }));
  };
  const readiness = async (name: ServiceName): Promise<{ status: number; live: number; because?: string }> => {
    const { http } = started.get(name)!;
    const [ready, live] = await Promise.all([fetch(`${http}/health/ready`), fetch(`${http}/health/live`)]);
    const { services } = (await ready.json()) as { services: Record<string, { because?: string }> };
    return { status: ready.status, live: live.status, ...(services[name].because !== undefined && { because: services[name].because }) };
  };
  const isReady = (name: ServiceName) => eventually(`${name} is ready`, async () => (await readiness(name)).status === 200);

  it('are ready each alone, but serving: it waits for the registry, lives, and says so', async () => {
    await begin('monitoring');
    await isReady('monitoring');
    await begin('serving');
    await eventually('it says what it waits for', async () => /listChampions/.test((await readiness('serving')).because ?? ''));
    expect(await readiness('serving')).toEqual({ status: 503, live: 200, because: expect.stringMatching(/^it could not list what it needs from its peers: listChampions: .+/) });
    await begin('registry');
    await isReady('registry');
    await isReady('serving');
    for (const name of ['training', 'feature', 'ingestion'] as const) {
      await begin(name);
      await isReady(name);
    }
  }, 60_000);

  it('then work together', async () => {
    const call = caller({ ...prepared, grpc: addresses.registry });
    const resources = exampleResources();
    for (const service of serviceNames) {
      const at = caller({ ...prepared, grpc: addresses[service] });
      await eventually(`${service} accepts`, () => at.call(runtime.ResourceServiceClient, 'applyResources', { service, resources }).then(() => true, () => false));
      at.close();
    }
    const bytes = tinyModel(0);
    const digest = await (await openBlobs(prepared.env.BLOBS!)).put(bytes);
    await started.get('training')!.services.get('training')!.database.transaction((tx) => tx.emit('RunCompleted', 'flight-late', completedRun(digest, bytes.length)));
    await eventually('the version can be approved', () =>
      call.call(registry.RegistryServiceClient, 'approveVersion', { model: 'flight-late', version: 1, digest, comment: '' }, { as: 'reviewer' }).then(() => true, () => false));
    call.close();
    const asked = caller({ ...prepared, grpc: addresses.serving });
    const answer = await eventually('it answers', () =>
      asked.call(inference.GRPCInferenceServiceClient, 'modelInfer', inferRequest(question, 'first'), { as: 'gate' }).then((one) => one as inference.ModelInferResponse, () => undefined));
    asked.close();
    expect(answer.modelVersion).toBe('1');
  }, 60_000);

  it('go on alone when the others have ended, and find them again', async () => {
    for (const name of ['registry', 'feature'] as const) await started.get(name)!.stop();
    expect((await readiness('serving')).status).toBe(200);
    const asked = caller({ ...prepared, grpc: addresses.serving });
    const ask = (id: string) => asked.call(inference.GRPCInferenceServiceClient, 'modelInfer', inferRequest(question, id), { as: 'gate' });
    // Its answer is on record, and needs nobody; a new one needs feature.
    expect(((await ask('first')) as inference.ModelInferResponse).modelVersion).toBe('1');
    await expect(ask('second')).rejects.toThrow(/UNAVAILABLE: The features of set "flight-lateness" cannot be had/);
    await begin('feature');
    await eventually('it answers again', () => ask('second').then(() => true, () => false));
    asked.close();
  }, 60_000);
});
