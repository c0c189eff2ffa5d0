import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { inference, runtime, serviceNames, type ServiceName } from '@rhei/contracts';
import { openEventLog, type Logger } from '@rhei/messaging';
import { eventually } from '@rhei/testing';
import { Deployment, type Replay } from '../spec/deployment';
import { newFolder, PlatformProcess, removeFolder, smallStory, type StoryReport } from '../spec/platform-process';

/** What a person reads in the report and what must not depend on where the platform runs. */
const essence = ({ counts, digests, versions, deadLetters, parked, auditVerified, unmet }: StoryReport) =>
  ({ counts, digests, versions: versions.length, deadLetters, parked, auditVerified, unmet });

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const portOf = (service: ServiceName): number => 8080 + 100 * serviceNames.indexOf(service);

let embedded: StoryReport;
beforeAll(async () => {
  const folder = newFolder();
  const platform = PlatformProcess.start(folder, ['--once', '--story', smallStory]);
  const { code, output } = await platform.ended;
  if (code !== 0) throw new Error(`exit ${code}\n${output.slice(-4000)}`);
  embedded = platform.report();
  removeFolder(folder);
}, 300_000);

describe('the deployed system', () => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await Deployment.up('rhei-stage', '127.0.0.2');
  }, 300_000);
  afterAll(() => deployment?.down(), 60_000);

  it('tells the story as one process does, by its public doors', async () => {
    const { code, output, report } = await deployment.replay(smallStory).ended;
    if (report === undefined) throw new Error(`exit ${code}\n${output.slice(-6_000)}`);
    expect(essence(report)).toEqual(essence(embedded));
  }, 600_000);

  it('keeps what it knows over down and up', async () => {
    const before = await deployment.rhei('status', '--json');
    await deployment.compose('down', '--timeout', '20');
    await deployment.compose('up', '-d', '--wait', '--wait-timeout', '240', '--no-build');
    const after = await deployment.rhei('status', '--json');
    expect({ code: after.code, figures: figuresOf(after.output) }).toEqual({ code: 0, figures: figuresOf(before.output) });
    expect((await deployment.rhei('audit', 'verify')).code).toBe(0);
  }, 300_000);

  it('answers every question while a replica of serving is killed, to a client that asks the other one', async () => {
    const ask = await questions(deployment);
    let over = false;
    let answered = 0;
    const client = async (name: number): Promise<void> => {
      for (let i = 0; !over; i++) {
        await ask(`balanced-${name}-${i}`, i);
        answered++;
      }
    };
    const clients = Promise.all([1, 2, 3, 4].map(client));
    await pause(1_000);
    await deployment.killAndStart('serving-b');
    await pause(3_000);
    over = true;
    await clients;
    await everythingReady(deployment);
    expect(answered).toBeGreaterThan(20);
    const ledger = await deployment.count('serving', "SELECT count(*) FROM prediction WHERE id LIKE 'balanced-%' AND role IN ('live', 'canary')");
    expect(ledger).toBe(answered);
  }, 120_000);

  it.each(['feature', 'postgres-serving', 'postgres-feature'])('says UNAVAILABLE and when to come again while %s is away, and answers the same question after', async (service) => {
    const ask = await questions(deployment);
    await deployment.compose('stop', '--timeout', '5', service);
    const refused = await ask(`away-${service}`, 0, 1).catch((error: ServiceError) => error);
    await deployment.compose('start', service);
    const { code, details } = refused as ServiceError;
    expect({ code, details, delay: retryDelayOf(refused as ServiceError) }).toEqual({ code: status.UNAVAILABLE, details, delay: true });
    await ask(`away-${service}`, 0);
    await everythingReady(deployment);
  }, 120_000);

  it('lets nobody in without a principal', async () => {
    const doors: string[] = [];
    for (const service of [...serviceNames, 'serving-b'] as const) {
      const port = service === 'serving-b' ? 8490 : portOf(service);
      for (const path of ['/metrics', `/${service}/anything`, '/v2/models/departures/infer']) {
        const { status: code } = await fetch(`http://${deployment.address}:${port}${path}`);
        if (code !== 401 && code !== 404) doors.push(`${service} ${path}: ${code}`);
      }
      const refused = await calledWithoutToken(`${deployment.address}:${port + 1}`);
      if (refused !== status.UNAUTHENTICATED) doors.push(`${service} gRPC: ${refused}`);
    }
    const blobs = await fetch(`http://${deployment.address}:9000/rhei?list-type=2`);
    if (blobs.status !== 403) doors.push(`minio: ${blobs.status}`);
    for (const [user, why] of [['', 'nobody'], ['ingestion:guessed@', 'a wrong password']]) {
      const log = openEventLog({ url: `kafka://${user}${deployment.address}:9094${user === '' ? '' : '?sasl=scram-sha-512'}`, service: 'ingestion', logger: silent, onFatal: () => undefined });
      if (await log.heads('ingestion.records').then(() => true, () => false)) doors.push(`kafka lets ${why} in`);
      await log.close();
    }
    for (const service of serviceNames) {
      const said = await deployment.compose('exec', '-T', '-e', 'PGPASSWORD=', `postgres-${service}`, 'sh', '-c', `psql -w -h "$(hostname -i)" -U rhei_${service} -d ${service} -c 'SELECT 1' 2>&1 || true`);
      if (!/no password supplied|password authentication failed/.test(said)) doors.push(`postgres-${service}: ${said}`);
    }
    expect(doors).toEqual([]);
  }, 120_000);

  it('keeps its secrets out of logs, images, environments and traces', async () => {
    const secrets = [
      ...['admin', 'airline', 'gate-display', 'reviewer', ...serviceNames].map((name) => deployment.token(name)),
      ...['admin', 'airline', ...serviceNames].map((name) => deployment.secret(`kafka/${name}`)),
      ...['admin', ...serviceNames].map((name) => deployment.secret(`postgres/${name}`)), deployment.secret('minio/root'),
    ];
    const containers = (await deployment.compose('ps', '--all', '--quiet')).trim().split('\n');
    const said: Record<string, string> = {
      logs: await deployment.logs(),
      'docker inspect': (await promisify(execFile)('docker', ['inspect', ...containers], { maxBuffer: 64 * 1024 * 1024 })).stdout,
      images: (await promisify(execFile)('docker', ['image', 'inspect', ...serviceNames.map((name) => `rhei/${name}:dev`), 'rhei/cli:dev'], { maxBuffer: 64 * 1024 * 1024 })).stdout,
      traces: await tracesOf(deployment.address),
    };
    expect(said['traces'].length).toBeGreaterThan(10_000);
    for (const [where, text] of Object.entries(said)) expect({ where, found: secrets.filter((secret) => text.includes(secret)).length }).toEqual({ where, found: 0 });
  }, 120_000);

  it('shows the way of a flight, and of a prediction, through the services in Jaeger', async () => {
    const event = { specversion: '1.0', type: 'flight.scheduled', source: 'airline', id: 'traced', time: '2001-06-30T00:00:00Z', datacontenttype: 'application/json',
      data: { flight: 'traced', origin: 'SEA', destination: 'SFO', distance: 679, departure: '2001-06-30T00:00:00Z' } };
    const answer = await fetch(`http://${deployment.address}:8080/ingestion/events`, {
      method: 'POST', headers: { authorization: `Bearer ${deployment.token('airline')}`, 'content-type': 'application/cloudevents+json' }, body: JSON.stringify(event),
    });
    expect(answer.status).toBe(200);
    await (await questions(deployment))('traced', 0);
    // A service sends its spans every second.
    const told = await eventually('the spans are in Jaeger', async () => {
      const [flight, prediction] = await Promise.all([deployment.rhei('trace', 'airline/traced'), deployment.rhei('trace', 'prediction', 'traced')]);
      return /process ingestion\.records/.test(flight.output) && /GetFeatures/.test(prediction.output) ? { flight: flight.output, prediction: prediction.output } : undefined;
    }, 20_000);
    expect(told.flight).toMatch(/POST \/ingestion\/events[\s\S]*send ingestion\.records[\s\S]*process ingestion\.records/);
    expect(told.prediction).toMatch(/ModelInfer[\s\S]*GetFeatures/);
  }, 60_000);
});

describe('the deployed system, while each of its parts is killed or away for a while', () => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await Deployment.up('rhei-faults', '127.0.0.3');
  }, 300_000);
  afterAll(() => deployment?.down(), 60_000);

  it('tells the same story', async () => {
    const faults: [what: string, act: () => Promise<void>][] = [
      ...[...serviceNames, 'serving-b'].map((service): [string, () => Promise<void>] => [`kill ${service}`, () => deployment.killAndStart(service)]),
      ['restart kafka', async () => void (await deployment.compose('restart', 'kafka'))],
      ['minio away', () => deployment.stopFor('minio', 20)],
      ['database of feature away', () => deployment.stopFor('postgres-feature', 20)],
      ...serviceNames.filter((service) => service !== 'feature').map((service): [string, () => Promise<void>] => [`restart database of ${service}`, () => deployment.stopFor(`postgres-${service}`, 0)]),
      ['jaeger away', () => deployment.stopFor('jaeger', 1)],
    ];
    const replay = deployment.replay(smallStory);
    const done = await during(replay, faults);
    const { code, output, report } = await replay.ended;
    if (report === undefined) throw new Error(`exit ${code} after ${done.join(', ')}\n${output.slice(-6_000)}\n${(await deployment.logs()).slice(-8_000)}`);
    expect(done).toEqual(faults.map(([what]) => what));
    expect(essence(report)).toEqual(essence(embedded));
    // Every event that was acknowledged is there once: counted in the databases.
    expect(await deployment.count('ingestion', 'SELECT count(*) FROM record')).toBe(embedded.counts['accepted']);
    expect(await deployment.count('feature', 'SELECT count(*) FROM dead_letter') + await deployment.count('monitoring', 'SELECT count(*) FROM dead_letter')).toBe(0);
    expect((await deployment.rhei('audit', 'verify')).code).toBe(0);
  }, 900_000);
});

/** Lets each fault happen at its share of the story's 724 steps. */
async function during(replay: Replay, faults: [what: string, act: () => Promise<void>][]): Promise<string[]> {
  const done: string[] = [];
  let over = false;
  void replay.ended.then(() => (over = true));
  for (const [index, [what, act]] of faults.entries()) {
    const at = Math.round(20 + (index * 680) / faults.length);
    while (!over && replay.step() < at) await pause(20);
    if (over) break;
    await act();
    done.push(what);
  }
  return done;
}

/** A container that was started again is up before what runs in it is ready. */
async function everythingReady({ address }: Deployment): Promise<void> {
  for (const port of [...serviceNames.map(portOf), 8490]) {
    await eventually(`port ${port} is ready`, async () => {
      const answer = await fetch(`http://${address}:${port}/health/ready`);
      if (!answer.ok) throw new Error(await answer.text());
      return true;
    }, 60_000);
  }
}

function figuresOf(output: string): unknown {
  const { services } = JSON.parse(output) as { services: { service: string; figures: unknown; deadLetters: unknown }[] };
  return services.map(({ service, figures, deadLetters }) => ({ service, figures, deadLetters }));
}

/** Asks both replicas in turn; what is UNAVAILABLE is asked again at the other one, with the same id. */
async function questions(deployment: Deployment): Promise<(id: string, row: number, attempts?: number) => Promise<inference.ModelInferResponse>> {
  // Channels of their own: in the pool of the process one may still wait to connect again to a replica that another test killed.
  const options = { 'grpc.use_local_subchannel_pool': 1, 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 1_000 };
  const clients = [8481, 8491].map((port) => new inference.GRPCInferenceServiceClient(`${deployment.address}:${port}`, credentials.createInsecure(), options));
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${deployment.token('gate-display')}`);
  let turn = 0;
  const once = (id: string, row: number): Promise<inference.ModelInferResponse> => new Promise((resolve, reject) => {
    const bytes = (value: string) => ({ bytesContents: [Buffer.from(value)] });
    const field = (name: string, datatype: string, contents: object) => ({ name, datatype, shape: [1, 1], contents });
    clients[(turn += 1) % 2].modelInfer(inference.ModelInferRequest.fromPartial({
      modelName: 'departures', id,
      inputs: [field('flight', 'BYTES', bytes(`asked-${row}`)), field('origin', 'BYTES', bytes('SEA')), field('destination', 'BYTES', bytes('SFO')), field('distance', 'FP64', { fp64Contents: [500 + row] }), field('departure', 'BYTES', bytes('2001-06-30T12:00:00Z'))],
    }), metadata, { deadline: Date.now() + 2_000 }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
  return async (id, row, attempts = 200) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(id, row);
      } catch (error) {
        const { code } = error as ServiceError;
        if ((code !== status.UNAVAILABLE && code !== status.DEADLINE_EXCEEDED) || attempt >= attempts) throw error;
        await pause(100);
      }
    }
  };
}

/** Whether the refusal carries google.rpc.RetryInfo. */
const retryDelayOf = (error: ServiceError): boolean =>
  error.metadata.get('grpc-status-details-bin').some((details) => Buffer.from(details as Buffer).includes('google.rpc.RetryInfo'));

function calledWithoutToken(address: string): Promise<status | undefined> {
  const client = new runtime.OperationsServiceClient(address, credentials.createInsecure());
  return new Promise((resolve) => client.getStatus({ service: 'ingestion' }, (error) => {
    client.close();
    resolve(error?.code);
  }));
}

/** The latest traces of every service, as Jaeger's API gives them. */
async function tracesOf(address: string): Promise<string> {
  const texts = await Promise.all(serviceNames.map(async (service) => (await fetch(`http://${address}:16686/api/traces?service=${service}&limit=200`)).text()));
  return texts.join('\n');
}
