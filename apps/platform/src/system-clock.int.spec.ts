import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { status, type ServiceError } from '@grpc/grpc-js';
import { inference, monitoring, registry } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { pause, type Instant, type Principal } from '@rhei/runtime';
import { eventually, startServices, testPrincipals, type RunningServices } from '@rhei/testing';
import { checkedEvent, readEvent, reading, readingResources, type Reading } from '../spec/readings';
import { applyExample, caller } from '../spec/scene';
import { modules } from './embedded';

const plant: Principal = { name: 'plant', kind: 'service', roles: ['publisher:plant'] };
const patience = 90_000;
const perSecond = 30;
const SECOND = 1_000_000;

/** A plant that goes on reporting and asking, at an even rate by the platform's own clock, however busy this machine is. */
class Plant {
  hot = false;
  /** Whether new readings are asked about. */
  asking = false;
  /** Versions that answered, in the order of their first answer. */
  readonly answeredBy: string[] = [];
  readonly faults: string[] = [];
  lastFailure = 'no question has failed';
  private readonly unchecked: Reading[] = [];
  private readonly unanswered: Reading[] = [];
  private readonly over = new AbortController();
  private made = 0;
  private readonly work: Promise<unknown>;

  constructor(private readonly running: RunningServices, private readonly call: ReturnType<typeof caller>) {
    this.work = Promise.all([this.report(running.now()), this.ask()]);
  }

  async stop(): Promise<void> {
    this.over.abort();
    await this.work;
  }

  private async report(started: Instant): Promise<void> {
    while (!this.over.signal.aborted) {
      const now = this.running.now();
      const fresh: Reading[] = [];
      while (fresh.length < 500 && started + (this.made / perSecond) * SECOND <= now) {
        fresh.push(reading(this.made, Math.floor(started + (this.made / perSecond) * SECOND), this.hot));
        this.made += 1;
      }
      const due = this.unchecked.findIndex(({ at }) => at + SECOND / 2 > now);
      const checked = this.unchecked.splice(0, due < 0 ? this.unchecked.length : due);
      await this.publish([...fresh.map(readEvent), ...checked.map((one) => checkedEvent(one, one.at + SECOND / 2))]);
      this.unchecked.push(...fresh);
      if (this.asking) this.unanswered.push(...fresh);
      await pause(200, this.over.signal);
    }
  }

  private async publish(events: object[]): Promise<void> {
    if (events.length === 0) return;
    const answer = await fetch(`${this.running.http}/ingestion/events`, {
      method: 'POST', headers: { 'content-type': 'application/cloudevents-batch+json', authorization: `Bearer ${this.running.token('plant')}` }, body: JSON.stringify(events),
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`Publishing got ${answer.status}: ${text}`);
    for (const one of JSON.parse(text) as { status: string }[]) if (one.status !== 'accepted') this.faults.push(JSON.stringify(one));
  }

  private async ask(): Promise<void> {
    while (!this.over.signal.aborted) {
      await Promise.all(this.unanswered.splice(0, 10).map((one) => this.askAbout(one)));
      await pause(50, this.over.signal);
    }
  }

  /** Its id makes a question that failed on a busy machine safe to repeat. */
  private async askAbout(one: Reading): Promise<void> {
    try {
      const { modelVersion } = await this.call.call(inference.GRPCInferenceServiceClient, 'modelInfer', inferRequest(one), { as: 'gate' }) as inference.ModelInferResponse;
      if (!this.answeredBy.includes(modelVersion)) this.answeredBy.push(modelVersion);
    } catch (error) {
      const { code, message } = error as ServiceError;
      this.lastFailure = message;
      if ([status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.DEADLINE_EXCEEDED].includes(code)) this.unanswered.push(one);
      else this.faults.push(message);
    }
  }
}

function inferRequest({ id, machine, temperature, at }: Reading): inference.ModelInferRequest {
  const none = { boolContents: [], intContents: [], int64Contents: [], uintContents: [], uint64Contents: [], fp32Contents: [], fp64Contents: [], bytesContents: [] };
  const text = (name: string, value: string) => ({ name, datatype: 'BYTES', shape: [1], parameters: {}, contents: { ...none, bytesContents: [Buffer.from(value)] } });
  return {
    modelName: 'line', modelVersion: '', id, parameters: {}, outputs: [], rawInputContents: [],
    inputs: [
      text('reading', id), text('machine', machine), text('at', formatInstant(at)),
      { name: 'temperature', datatype: 'FP64', shape: [1], parameters: {}, contents: { ...none, fp64Contents: [temperature] } },
    ],
  };
}

describe('on the system clock, with windows of seconds', () => {
  let running: RunningServices;
  let call: ReturnType<typeof caller>;
  let factory: Plant | undefined;

  beforeAll(async () => {
    running = await startServices(modules, { clock: 'system', principals: [...testPrincipals, plant], env: { INGESTION_WATERMARK_INTERVAL: '1s' } });
    call = caller(running);
    await applyExample(call, readingResources);
  }, 60_000);
  afterAll(async () => {
    await factory?.stop();
    call?.close();
    await running?.stop();
  }, 60_000);

  const versions = async (): Promise<registry.ModelVersion[]> =>
    ((await call.call(registry.RegistryServiceClient, 'listVersions', { model: 'stops' })) as registry.ListVersionsResponse).versions;

  /** A person looks at what waits for approval, and approves it. */
  async function approve(version: number): Promise<registry.ModelVersion> {
    const waiting = await eventually(`version ${version} passes its gates`, async () => {
      const found = (await versions()).find((one) => one.version === version);
      if (found === undefined || found.gates.length === 0) return undefined;
      if (!found.gates.every(({ passed }) => passed)) throw new Error(JSON.stringify(found.gates));
      return found;
    }, patience);
    await call.call(registry.RegistryServiceClient, 'approveVersion', { model: 'stops', version, digest: waiting.digest, comment: 'seen' }, { as: 'reviewer' });
    return waiting;
  }

  const answers = (version: string): Promise<unknown> =>
    eventually(`version ${version} answers`, () => {
      if (!factory!.answeredBy.includes(version)) throw new Error(`answers came from [${factory!.answeredBy.join(', ')}]; last failure: ${factory!.lastFailure}`);
      return true;
    }, patience);

  it('publishes, trains, approves, serves, notices a change, trains again and goes live', async () => {
    factory = new Plant(running, call);
    const first = await approve(1);
    expect(JSON.parse(first.causeJson)).toMatchObject({ kind: 'plan', id: 'stops' });
    factory.asking = true;
    await answers('1');
    expect(running.published('TrafficShifted')).toMatchObject([{ deployment: 'line', version: 1 }]);

    await eventually('a window without an alarm is closed', async () => {
      const { windows } = (await call.call(monitoring.MonitoringServiceClient, 'listWindows', { monitor: 'line' })) as monitoring.ListWindowsResponse;
      return windows.some(({ alarm, tests }) => !alarm && tests.length === 2);
    }, patience);
    factory.hot = true;
    const [request] = await eventually('a retraining is requested', () => {
      const requests = running.published('RetrainingRequested');
      return requests.length > 0 ? requests : undefined;
    }, patience);
    const drift = running.published('DriftDetected').find(({ windowTo }) => windowTo <= request.asOf)!;
    expect(JSON.parse(drift.alarmsJson)).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'request.temperature' })]));

    const second = await approve(2);
    expect(JSON.parse(second.causeJson)).toMatchObject({ kind: 'drift', id: request.id });
    await answers('2');
    expect(factory.answeredBy).toEqual(['1', '2']);
    expect(running.published('TrafficShifted').map(({ version }) => version)).toEqual([1, 2]);
    expect((await versions()).map(({ version, approvedBy }) => [version, approvedBy])).toEqual(expect.arrayContaining([[1, 'reviewer'], [2, 'reviewer']]));
    expect(factory.faults).toEqual([]);
  }, 6 * patience);

  it('has claimed every blob that it wrote, so that none is taken for an orphan', async () => {
    const folder = running.env.BLOBS!.slice('file:'.length);
    const written = () => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => basename(path)).filter((name) => /^[0-9a-f]{64}$/.test(name));
    expect(written().length).toBeGreaterThanOrEqual(6);
    await eventually('a row for every blob', async () => {
      const before = written();
      const claims = await Promise.all([...running.running.services.values()].map(({ definition, deps }) => definition.keeps?.(deps) ?? []));
      const claimed = new Set(claims.flat());
      expect(before.filter((digest) => !claimed.has(digest))).toEqual([]);
      return true;
    }, patience);
  }, patience);
});
