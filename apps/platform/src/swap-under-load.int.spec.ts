import { inference, registry, serving } from '@rhei/contracts';
import { FeatureModule } from '@rhei/feature';
import { openBlobs, run, type Running } from '@rhei/runtime';
import { ServingModule } from '@rhei/serving';
import { eventually } from '@rhei/testing';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { caller, completedRun, inferRequest, question, scene, tensors, tinyModel } from '../spec/scene';
import { modules } from './embedded';

type Scene = Awaited<ReturnType<typeof scene>>;
interface Heard { id: string; version: number; probability: number; asked: number; answered: number }

let it_: Scene;
/** What each version adds to the log-odds; neighbours differ clearly. */
const shifts = [0, 1.5, -1, 2, -0.5, 1];
const digests: string[] = [];
/** Every question is asked at 17 h, where the tiny model's leaf is -0.5. */
const expected = (version: number): number => 1 / (1 + Math.exp(0.5 - shifts[version - 1]));

const versionOf = async (version: number) =>
  ((await it_.call.call(registry.RegistryServiceClient, 'listVersions', { model: 'flight-late' })) as registry.ListVersionsResponse).versions.find((one) => one.version === version);
const deployment = async (): Promise<serving.Deployment> =>
  ((await it_.call.call(serving.ServingServiceClient, 'listDeployments', {})) as serving.ListDeploymentsResponse).deployments[0];

/** Says a completed run of a model and waits for its registration; never for rest, which there is none under load. */
async function register(version: number): Promise<void> {
  const bytes = tinyModel(shifts[version - 1]);
  const digest = await (await openBlobs(it_.running.env.BLOBS!)).put(bytes);
  const champion = digests.length === 0 ? undefined : { digest: digests.at(-1)!, logLoss: 0.4 };
  await it_.running.publish('RunCompleted', 'flight-late', completedRun(digest, bytes.length, { champion }));
  await eventually(`version ${version} waits for approval`, async () => (await versionOf(version))?.state === 'awaiting_approval');
  digests.push(digest);
}
const approve = (version: number) =>
  it_.call.call(registry.RegistryServiceClient, 'approveVersion', { model: 'flight-late', version, digest: digests[version - 1], comment: '' }, { as: 'reviewer' });

/** Asks for one prediction after the other until it is told to stop. */
class Client {
  private asking = true;
  readonly heard: Heard[] = [];
  /** Rejects at the first question that is not answered. */
  readonly done: Promise<void>;

  constructor(private readonly name: string, private readonly ask: (id: string) => Promise<Omit<Heard, 'asked' | 'answered'>>) {
    this.done = this.work();
    this.done.catch(() => undefined);
  }

  private async work(): Promise<void> {
    for (let count = 1; this.asking; count += 1) {
      const asked = performance.now();
      this.heard.push({ ...(await this.ask(`${this.name}-${count}`)), asked, answered: performance.now() });
    }
  }

  stop(): Promise<void> {
    this.asking = false;
    return this.done;
  }
}

const askGrpc = (on: { call: Scene['call'] }) => async (id: string) => {
  const answer = (await on.call.call(inference.GRPCInferenceServiceClient, 'modelInfer', inferRequest(question, id), { as: 'gate' })) as inference.ModelInferResponse;
  return { id: answer.id, version: Number(answer.modelVersion), probability: answer.rawOutputContents[0].readFloatLE() };
};
const askRest = (http: string) => async (id: string) => {
  const answer = await fetch(`${http}/v2/models/departures/infer`, {
    method: 'POST', headers: { authorization: `Bearer ${it_.running.token('gate')}` }, body: JSON.stringify({ id, inputs: tensors(question) }),
  });
  const body = (await answer.json()) as { id: string; model_version: string; outputs: { data: number[] }[]; error?: string };
  if (answer.status !== 200) throw new Error(`${answer.status}: ${body.error}`);
  return { id: body.id, version: Number(body.model_version), probability: body.outputs[0].data[0] };
};

/** Starts services again on the databases of the scene. */
async function startAgain(services: typeof modules): Promise<{ again: Running; call: Scene['call']; stop(): Promise<void> }> {
  const again = await run(services, { env: it_.running.env });
  const call = caller({ ...it_.running, grpc: again.grpc });
  return {
    again, call,
    async stop() {
      call.close();
      await again.stop();
    },
  };
}

describe('a swap of the model under load', () => {
  beforeAll(async () => {
    it_ = await scene();
    await register(1);
    await approve(1);
    await eventually('version 1 answers', async () => (await deployment()).liveVersion === 1);
  }, 60_000);
  afterAll(() => it_?.stop());

  it('fails no request, and every answer is what the version that it names says', async () => {
    const clients = [0, 1].flatMap((i) => [new Client(`grpc-${i}`, askGrpc(it_)), new Client(`rest-${i}`, askRest(it_.running.http))]);
    const approved = new Map([[1, 0]]);
    const live = new Map([[1, 0]]);
    for (let version = 2; version <= 6; version += 1) {
      await register(version);
      approved.set(version, performance.now());
      await approve(version);
      await eventually(`version ${version} answers`, async () => (await deployment()).liveVersion === version);
      live.set(version, performance.now());
      // Each version serves for a while, whatever the speed of the machine.
      await Promise.race([eventually('every client has heard it', () => clients.every(({ heard }) => heard.some((one) => one.version === version))), ...clients.map(({ done }) => done)]);
    }
    await Promise.all(clients.map((client) => client.stop()));
    await it_.running.settle();

    const heard = clients.flatMap((client) => client.heard);
    for (const { version, probability, asked, answered } of heard) {
      expect(probability).toBeCloseTo(expected(version), 6);
      expect(answered).toBeGreaterThan(approved.get(version)!);
      // Who asks after a switch is never answered by what was there before it.
      const known = Math.max(...[...live].filter(([, since]) => since <= asked).map(([one]) => one));
      expect(version).toBeGreaterThanOrEqual(known);
    }
    const rows = await it_.running.database('serving').query<{ id: string; version: number; digest: string; probability: number }>(
      `SELECT id, version, digest, (outputs ->> 'probability')::float8 AS probability FROM prediction WHERE role = 'live'`);
    const ledger = new Map(rows.map((row) => [row.id, row]));
    expect(ledger.size).toBe(heard.length);
    for (const { id, version, probability } of heard) {
      expect(ledger.get(id)).toMatchObject({ version, digest: digests[version - 1] });
      expect(Math.fround(ledger.get(id)!.probability)).toBe(Math.fround(probability));
    }
    expect(it_.running.published('TrafficShifted').map(({ version, replaces }) => [version, replaces])).toEqual([[1, 0], [2, 1], [3, 2], [4, 3], [5, 4], [6, 5]]);
    const said = it_.running.published('PredictionServed').flatMap(({ predictions }) => predictions);
    expect(said.filter(({ role }) => role === 'live').map(({ id }) => id).sort()).toEqual([...ledger.keys()].sort());
    // Every version that was replaced goes on scoring beside its successors, once for each question.
    const beside = said.filter(({ role }) => role === 'shadow').map(({ id, version }) => `${id} by ${version}`);
    expect(new Set(beside).size).toBe(beside.length);
    const wanted = [...ledger.values()].flatMap(({ id, version }) => Array.from({ length: version - 1 }, (_, index) => `${id} by ${index + 1}`));
    expect(beside.sort()).toEqual(wanted.sort());
  }, 60_000);
});

describe('an artifact that was changed after its registration', () => {
  afterAll(() => it_.stop());

  let file: string;
  let sound: Buffer;

  it('is never served: the version before goes on, and the refusal is on record', async () => {
    it_ = await scene();
    digests.length = 0;
    await register(1);
    await approve(1);
    await eventually('version 1 answers', async () => (await deployment()).liveVersion === 1);
    await register(2);
    const digest = digests[1];
    file = join(it_.running.env.BLOBS!.slice('file:'.length), digest.slice(0, 2), digest);
    sound = readFileSync(file);
    const changed = Buffer.from(sound);
    changed[changed.length >> 1] ^= 1;
    writeFileSync(file, changed);
    await approve(2);
    await it_.running.settle();
    expect(await askGrpc(it_)('after')).toMatchObject({ version: 1, probability: expect.closeTo(expected(1), 6) });
    expect(await deployment()).toMatchObject({ liveVersion: 1, desiredRevision: 2_000, appliedRevision: 1_000 });
    const refusals = await it_.running.database('serving').query(`SELECT subject, outcome FROM decision WHERE action = 'refuse-traffic'`);
    expect(refusals).toMatchObject([{ subject: 'deployment/departures' }]);
    expect(JSON.stringify(refusals)).toContain(`The blob ${digest} holds bytes with the digest`);
    expect(it_.running.published('TrafficShifted').map(({ version }) => version)).toEqual([1]);
  }, 60_000);

  it('is not served after a restart either, also when the registry is away: what answered last does', async () => {
    await it_.running.running.stop();
    const { again, call, stop } = await startAgain([FeatureModule, ServingModule]);
    try {
      expect([...again.services.keys()].sort()).toEqual(['feature', 'serving']);
      expect(await askGrpc({ call })('restarted')).toMatchObject({ version: 1, probability: expect.closeTo(expected(1), 6) });
      expect(await askRest(again.http)('restarted-rest')).toMatchObject({ version: 1 });
      expect((await fetch(`${again.http}/v2/health/ready`)).status).toBe(200);
      // What was answered before the restart is still the answer.
      expect(await askGrpc({ call })('after')).toMatchObject({ version: 1 });
    } finally {
      await stop();
    }
  }, 60_000);

  it('is served once it is sound again', async () => {
    writeFileSync(file, sound);
    const { call, stop } = await startAgain(modules);
    try {
      expect(await askGrpc({ call })('repaired')).toMatchObject({ version: 2, probability: expect.closeTo(expected(2), 6) });
      await eventually('the switch is said', () => it_.running.published('TrafficShifted').map(({ version }) => version).join() === '1,2');
    } finally {
      await stop();
    }
  }, 60_000);
});
