import { credentials, makeGenericClientConstructor, status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { inference, registry, status as rpc } from '@rhei/contracts';
import { FeatureModule } from '@rhei/feature';
import { run, type Running } from '@rhei/runtime';
import { eventually } from '@rhei/testing';
import { service as healthService } from 'grpc-health-check';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Line, replicaOf, ServiceProcess, startReplica } from '../spec/replica';
import { caller, inferRequest, question, scene, tensors } from '../spec/scene';

let it_: Awaited<ReturnType<typeof scene>>;
const others: Running[] = [];
const callers = new Map<string, ReturnType<typeof caller>>();

const on = (grpc: string): ReturnType<typeof caller> => {
  const made = callers.get(grpc) ?? caller({ ...it_.running, grpc });
  callers.set(grpc, made);
  return made;
};
const ask = (grpc: string, id: string, fields: Parameters<typeof inferRequest>[0] = question): Promise<inference.ModelInferResponse> =>
  on(grpc).call(inference.GRPCInferenceServiceClient, 'modelInfer', inferRequest(fields, id), { as: 'gate' });
const askRest = (http: string, id: string): Promise<Response> => fetch(`${http}/v2/models/departures/infer`, {
  method: 'POST', headers: { authorization: `Bearer ${it_.running.token('gate')}` }, body: JSON.stringify({ id, inputs: tensors(question) }),
});
/** What a client does that keeps to the contract: what is unavailable, or late on a busy machine, is asked again under the same id. */
async function patiently(grpc: string, id: string): Promise<inference.ModelInferResponse> {
  for (;;) {
    try {
      return await ask(grpc, id);
    } catch (error) {
      if (![status.UNAVAILABLE, status.DEADLINE_EXCEEDED].includes((error as ServiceError).code)) throw error;
      await pause(50);
    }
  }
}
const second = async (changes = {}): Promise<Running> => {
  const made = await startReplica(it_.running, changes);
  others.push(made);
  return made;
};

/** Status and retry delay of a refusal, in milliseconds. */
const refusalOf = (answer: Promise<unknown>): Promise<{ code?: number; retryAfter?: number }> => answer.then(() => ({}), (error: ServiceError) => {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const found = bytes === undefined ? undefined : rpc.Status.decode(bytes as Buffer).details.find(({ typeUrl }) => typeUrl.endsWith('/google.rpc.RetryInfo'));
  const delay = found && rpc.RetryInfo.decode(found.value).retryDelay;
  return { code: error.code, ...(delay && { retryAfter: delay.seconds * 1000 + delay.nanos / 1e6 }) };
});
const unavailable = { code: status.UNAVAILABLE, retryAfter: expect.any(Number) };

async function expectUnavailable({ grpc, http }: Pick<Running, 'grpc' | 'http'>, id: string): Promise<void> {
  expect(await refusalOf(ask(grpc, id))).toEqual(unavailable);
  const answer = await askRest(http, id);
  expect([answer.status, Number(answer.headers.get('retry-after'))]).toEqual([503, expect.any(Number)]);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
}

describe('whoever asks two replicas of serving', () => {
  beforeAll(async () => {
    it_ = await scene();
    const digest = await it_.register(0);
    await it_.call.call(registry.RegistryServiceClient, 'approveVersion', { model: 'flight-late', version: 1, digest, comment: '' }, { as: 'reviewer' });
    await it_.running.settle();
  }, 60_000);
  afterEach(async () => {
    callers.forEach((one) => one.close());
    callers.clear();
    await Promise.all(others.splice(0).map((one) => one.stop()));
  }, 30_000);
  afterAll(() => it_?.stop());

  it('gets one answer to one id, from either, also from both at once', async () => {
    const other = await second();
    const ids = Array.from({ length: 12 }, (_, index) => `one-${index}`);
    const answers = await Promise.all(ids.map((id) => Promise.all([
      patiently(it_.running.grpc, id), patiently(other.grpc, id), eventually('an answer by REST', () => askRest(other.http, id).then((one) => one.status === 200 && one.json())),
    ])));
    for (const [first, again, rest] of answers) {
      expect(again).toEqual(first);
      expect((rest as { parameters: { as_of: number } }).parameters.as_of).toBe((first.parameters['as_of'].parameterChoice as { value: number }).value);
    }
    await it_.running.settle();
    const served = it_.running.published('PredictionServed').flatMap(({ predictions }) => predictions.map(({ id }) => id));
    expect(served.filter((id) => id.startsWith('one-')).sort()).toEqual([...ids].sort());
    // The same id with another question: exactly one of the two is answered, and it stays so.
    const raced = await Promise.all([ask(it_.running.grpc, 'two'), ask(other.grpc, 'two', { ...question, flight: 'f2' })].map((one) => refusalOf(one)));
    expect(raced.map(({ code }) => code).sort()).toEqual([status.ABORTED, undefined]);
  }, 30_000);

  it('is told when to come again while feature is away, and then gets the answer under the same id', async () => {
    const free = createServer().listen(0);
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const other = await second({ FEATURE_GRPC: `127.0.0.1:${port}` });
    await expectUnavailable(other, 'no-feature');
    others.push(await run([FeatureModule], { env: { ...it_.running.env, HTTP_PORT: '0', GRPC_PORT: String(port) } }));
    const answer = await eventually('feature is found again', () => ask(other.grpc, 'no-feature').catch(() => undefined));
    expect(await ask(it_.running.grpc, 'no-feature')).toEqual(answer);
  }, 30_000);

  it('is told so while the database is away, too, and while an answer hangs on it', async () => {
    const { hostname, port, href } = new URL(it_.running.env.SERVING_DATABASE_URL!);
    const line = await Line.to(hostname, Number(port));
    const other = await second({ SERVING_DATABASE_URL: href.replace(`:${port}/`, `:${line.port}/`) });
    try {
      line.cut();
      await expectUnavailable(other, 'no-database');
      line.restore();
      const answer = await eventually('the database is found again', () => ask(other.grpc, 'no-database').catch(() => undefined));
      expect(await ask(it_.running.grpc, 'no-database')).toEqual(answer);

      // One that hangs is as good as away, and so is one that is lost in the middle of an answer.
      line.hold();
      await expectUnavailable(other, 'hanging');
      const lost = refusalOf(ask(other.grpc, 'lost'));
      await pause(200);
      line.cut();
      expect(await lost).toEqual(unavailable);
      line.restore();
      for (const id of ['hanging', 'lost']) await eventually('the database is found again', () => ask(other.grpc, id).catch(() => undefined));
    } finally {
      line.close();
    }
  }, 30_000);

  it('is answered by one that stops, after that one has said so', async () => {
    const { hostname, port, href } = new URL(it_.running.env.SERVING_DATABASE_URL!);
    const line = await Line.to(hostname, Number(port));
    const other = await second({ SERVING_DATABASE_URL: href.replace(`:${port}/`, `:${line.port}/`) });
    const health = new (makeGenericClientConstructor(healthService as never, 'Health'))(other.grpc, credentials.createInsecure());
    const heard: string[] = [];
    try {
      const watch = (health as unknown as { Watch(request: object): ClientReadableStream<{ status: string }> }).Watch({ service: 'inference.GRPCInferenceService' });
      watch.on('data', (one: { status: string }) => heard.push(one.status)).on('error', () => undefined);
      await eventually('it serves', () => heard.includes('SERVING'));
      await patiently(other.grpc, 'warm');
      line.hold();
      const inHand = ask(other.grpc, 'in-hand');
      inHand.then(() => heard.push('answered'), () => heard.push('failed'));
      await pause(50);
      const stopped = other.stop();
      await eventually('it says that it stops', () => heard.includes('NOT_SERVING'));
      line.restore();
      expect((await inHand).modelVersion).toBe('1');
      expect([...new Set(heard)]).toEqual(['SERVING', 'NOT_SERVING', 'answered']);
      watch.cancel();
      await stopped;
    } finally {
      health.close();
      line.close();
    }
  }, 30_000);

  it('sees no failure when one is killed under load, nor when one joins', async () => {
    const all = await Promise.all([1, 2].map(() => ServiceProcess.start('serving', replicaOf(it_.running))));
    const [first] = all;
    let asking = true;
    try {
      await Promise.all(all.map((one) => one.ready()));
      const answered = new Map<string, number>();
      let retried = 0;
      const worker = async (name: string): Promise<void> => {
        for (let count = 0; asking; count += 1) {
          for (let turn = count; ; turn += 1) {
            const { grpc } = all[turn % all.length];
            const error = await ask(grpc, `${name}-${count}`).then(() => undefined, (failure: ServiceError) => failure);
            if (error === undefined) {
              answered.set(grpc, (answered.get(grpc) ?? 0) + 1);
              break;
            }
            if (error.code !== status.UNAVAILABLE) throw error;
            retried += 1;
            await pause(5);
          }
          asked.push(`${name}-${count}`);
        }
      };
      const asked: string[] = [];
      const workers = Array.from({ length: 4 }, (_, index) => worker(`load-${index}`));
      const goesOn = async (what: string, done: () => boolean): Promise<void> => {
        await Promise.race([eventually(what, done), Promise.all(workers)]);
      };
      await goesOn('both answer', () => all.every(({ grpc }) => (answered.get(grpc) ?? 0) >= 20));
      first.kill();
      const before = asked.length;
      await goesOn('the other answers', () => asked.length >= before + 50);
      const third = await ServiceProcess.start('serving', replicaOf(it_.running));
      all[0] = third;
      await goesOn('the third answers', () => (answered.get(third.grpc) ?? 0) >= 20);
      await third.ready();
      asking = false;
      await Promise.all(workers);
      expect(retried).toBeGreaterThan(0);
      const rows = await it_.running.database('serving').query<{ id: string }>(`SELECT id FROM prediction WHERE id LIKE 'load-%'`);
      expect(rows.map(({ id }) => id).sort()).toEqual([...asked].sort());
      await it_.running.settle();
      const served = it_.running.published('PredictionServed').flatMap(({ predictions }) => predictions.map(({ id }) => id));
      expect(served.filter((id) => id.startsWith('load-')).sort()).toEqual([...asked].sort());
    } finally {
      asking = false;
      all.forEach((one) => one.kill());
      first.kill();
    }
  }, 120_000);
});
