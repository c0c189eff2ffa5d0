import { inference, registry, serving } from '@rhei/contracts';
import { openBlobs } from '@rhei/runtime';
import { eventually, startServices, type RunningServices } from '@rhei/testing';
import { applyExample, caller, completedRun, exampleResources, inferRequest, question, tensors, tinyModel } from '../spec/scene';
import { modules } from './embedded';

interface Heard { id: string; version: number; asked: number; answered: number }

let it_: { running: RunningServices; call: ReturnType<typeof caller> };
let clients: Client[] = [];
const digests: string[] = [];
/** The times in which each version could answer, on the clock of the test. */
const could = new Map<number, { from: number; to: number }[]>();
const mayFrom = (version: number, from: number): void => void could.set(version, [...(could.get(version) ?? []), { from, to: Infinity }]);
const mayUntil = (version: number, to: number): void => { could.get(version)!.at(-1)!.to = to; };

const deployment = async (): Promise<serving.Deployment> => ((await it_.call.call(serving.ServingServiceClient, 'listDeployments', {})) as serving.ListDeploymentsResponse).deployments[0];

/** Registers a version and approves it; waits for no rest, which there is none under load. */
async function promote(): Promise<number> {
  const version = digests.length + 1;
  const bytes = tinyModel(version / 10);
  const digest = await (await openBlobs(it_.running.env.BLOBS!)).put(bytes);
  const { models } = (await it_.call.call(registry.RegistryServiceClient, 'listModels', {})) as registry.ListModelsResponse;
  const champion = models[0].champion === 0 ? undefined : { digest: digests[models[0].champion - 1], logLoss: 0.4 };
  await it_.running.publish('RunCompleted', 'flight-late', completedRun(digest, bytes.length, { champion }));
  await eventually(`version ${version} waits for approval`, async () => {
    const { versions } = (await it_.call.call(registry.RegistryServiceClient, 'listVersions', { model: 'flight-late' })) as registry.ListVersionsResponse;
    return versions.find((one) => one.version === version)?.state === 'awaiting_approval';
  });
  digests.push(digest);
  mayFrom(version, performance.now());
  await it_.call.call(registry.RegistryServiceClient, 'approveVersion', { model: 'flight-late', version, digest, comment: '' }, { as: 'reviewer' });
  return version;
}

/** Asks for one prediction after the other until it is told to stop. */
class Client {
  private asking = true;
  readonly heard: Heard[] = [];
  readonly done: Promise<void>;

  constructor(private readonly name: string, private readonly ask: (id: string) => Promise<number>) {
    this.done = this.work();
    this.done.catch(() => undefined);
  }

  private async work(): Promise<void> {
    for (let count = 1; this.asking; count += 1) {
      const [id, asked] = [`${this.name}-${count}`, performance.now()];
      this.heard.push({ id, version: await this.ask(id), asked, answered: performance.now() });
    }
  }

  stop(): Promise<void> {
    this.asking = false;
    return this.done;
  }
}

const askGrpc = async (id: string): Promise<number> =>
  Number(((await it_.call.call(inference.GRPCInferenceServiceClient, 'modelInfer', inferRequest(question, id), { as: 'gate' })) as inference.ModelInferResponse).modelVersion);
async function askRest(id: string): Promise<number> {
  const answer = await fetch(`${it_.running.http}/v2/models/departures/infer`, { method: 'POST', headers: { authorization: `Bearer ${it_.running.token('gate')}` }, body: JSON.stringify({ id, inputs: tensors(question) }) });
  const body = (await answer.json()) as { model_version: string; error?: string };
  if (answer.status !== 200) throw new Error(`${answer.status}: ${body.error}`);
  return Number(body.model_version);
}

describe('a rollback under load', () => {
  beforeAll(async () => {
    // Judged every second, and broken as soon as the candidate has answered a little.
    const rollout = [{ stage: 'canary', for: '1h', share: 0.5, guard: 'answered < 20' }];
    const running = await startServices(modules, { clock: 'system' });
    it_ = { running, call: caller(running) };
    await applyExample(it_.call, exampleResources((kind, spec) => (kind === 'Deployment' ? { ...spec, rollout, look: '1s' } : spec)));
    await promote();
    await eventually('version 1 answers', async () => (await deployment()).liveVersion === 1);
  }, 90_000);
  afterAll(async () => {
    await Promise.allSettled(clients.map((client) => client.stop()));
    it_?.call.close();
    await it_?.running.stop();
  });

  it('fails no request, and no answer names a version that was neither live nor canary', async () => {
    clients = [0, 1].flatMap((i) => [new Client(`grpc-${i}`, askGrpc), new Client(`rest-${i}`, askRest)]);
    const heard = (): Heard[] => clients.flatMap((client) => client.heard);
    const failed = Promise.all(clients.map(({ done }) => done)).then((): never => { throw new Error('the clients have stopped'); });
    const goesOn = <T>(what: string, probe: () => T | Promise<T>) => Promise.race([eventually(what, probe, 30_000), failed]);
    const tookBack: Record<string, number> = {};

    // By its guard: the timer judges, and the version before answers all.
    const canary = await promote();
    const planned = await goesOn('the guard breaks', async () => {
      const [row] = await it_.running.database('serving').query<{ at: number }>(`SELECT planned_at AS at FROM traffic WHERE plan ->> 'stage' = 'rolled_back'`);
      return row;
    });
    const said = await goesOn('all replicas have switched', () => it_.running.published('TrafficShifted').find(({ stage }) => stage === 'rolled_back'));
    mayUntil(canary, performance.now());
    tookBack['from the broken guard to all replicas'] = (said.shiftedAt - planned.at) / 1_000;

    // By a person: the new version is live, and the old one is loaded still.
    await applyExample(it_.call, exampleResources());
    const live = await promote();
    await goesOn('version 3 answers', async () => (await deployment()).liveVersion === live);
    mayUntil(1, performance.now());
    await goesOn('it has answered every client', () => clients.every((client) => client.heard.some(({ version }) => version === live)));
    const asked = performance.now();
    mayFrom(1, asked);
    const back = (await it_.call.call(serving.ServingServiceClient, 'rollback', { deployment: 'departures', reason: 'a test', version: live, to: 0 }, { as: 'oper' })) as serving.RollbackResponse;
    expect(back).toMatchObject({ version: live, live: 1 });
    await goesOn('all replicas have switched', async () => (await deployment()).shiftedRevision >= back.revision);
    const switched = performance.now();
    mayUntil(live, switched);
    tookBack['from the command to all replicas'] = switched - asked;
    await goesOn('the version before answers', () => clients.every((client) => client.heard.at(-1)?.version === 1));
    await Promise.all(clients.map((client) => client.stop()));

    for (const { version, asked: at, answered } of heard()) {
      expect([version, could.get(version)!.some(({ from, to }) => answered > from && at < to)]).toEqual([version, true]);
    }
    expect(new Set(heard().map(({ version }) => version))).toEqual(new Set([1, canary, live]));
    const rows = await it_.running.database('serving').query<{ id: string; version: number }>(`SELECT id, version FROM prediction WHERE role IN ('live', 'canary')`);
    const ledger = new Map(rows.map(({ id, version }) => [id, version]));
    expect(ledger.size).toBe(heard().length);
    for (const { id, version } of heard()) expect(ledger.get(id)).toBe(version);
    expect(it_.running.published('TrafficRolledBack').map(({ version, live: to, by }) => [version, to, by])).toEqual([[canary, 1, 'guard'], [live, 1, 'oper']]);
    for (const [what, milliseconds] of Object.entries(tookBack)) {
      process.stdout.write(`${heard().length} answers; ${what}: ${milliseconds.toFixed(0)} ms\n`);
      // A busy machine: the figure itself is measured alone.
      expect(milliseconds).toBeLessThan(10_000);
    }
  }, 120_000);
});
