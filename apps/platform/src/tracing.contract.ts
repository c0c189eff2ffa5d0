import { monitoring, registry, serviceNames } from '@rhei/contracts';
import { formatInstant, parseInstant } from '@rhei/expressions';
import type { Principal } from '@rhei/runtime';
import { eventually, startServices, testPrincipals, type RunningServices } from '@rhei/testing';
import { checkedEvent, readEvent, reading, readingResources, type Reading } from '../spec/readings';
import { applyExample, caller } from '../spec/scene';
import { modules } from './embedded';

/** A span as a trace store tells it. */
export interface StoredSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parent: string | undefined;
  links: { traceId: string; spanId: string }[];
  attributes: Record<string, unknown>;
}

export interface TraceStore {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  endpoint: string;
  services(): Promise<string[]>;
  trace(id: string): Promise<StoredSpan[]>;
  /** All that it has, as text. */
  everything(): Promise<string>;
  stop(): Promise<void>;
}

const plant: Principal = { name: 'plant', kind: 'service', roles: ['publisher:plant'] };
const SECOND = 1_000_000;
const begin = parseInstant('2026-03-01T00:00:00Z');
const patience = 20_000;

/** What can be followed through six services in one process, whichever store keeps the traces; with `drift` the whole loop, which takes longer. */
export function tracing(open: () => Promise<TraceStore>, { drift }: { drift: boolean }, also: (store: () => TraceStore, running: () => RunningServices, runOfSecond: () => string) => void = () => undefined): void {
  describe('what happens in six services', () => {
    let store: TraceStore;
    let running: RunningServices;
    let call: ReturnType<typeof caller>;
    let made = 0;
    let firstRun = '';
    let secondRun = '';

    beforeAll(async () => {
      store = await open();
      running = await startServices(modules, {
        clock: 'replay', at: begin, principals: [...testPrincipals, plant], env: { INGESTION_WATERMARK_INTERVAL: '1s', OTEL_EXPORTER_OTLP_ENDPOINT: store.endpoint },
      });
      call = caller(running);
      await applyExample(call, readingResources);
      await running.settle();
    }, 90_000);
    afterAll(async () => {
      call?.close();
      await running?.stop();
      await store?.stop();
    }, 60_000);

    const post = async (path: string, as: string, body: unknown, type: string): Promise<string> => {
      const response = await fetch(`${running.http}${path}`, { method: 'POST', headers: { authorization: `Bearer ${running.token(as)}`, 'content-type': type }, body: JSON.stringify(body) });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text}`);
      return text;
    };
    const publish = (events: object[]) => post('/ingestion/events', 'plant', events, 'application/cloudevents-batch+json');
    /** Its id makes a question that a busy machine has not answered in time safe to repeat. */
    const ask = (one: Reading) => eventually(`an answer to ${one.id}`, () => askOnce(one), patience);
    const askOnce = ({ id, machine, temperature, at }: Reading) => post('/v2/models/line/infer', 'gate', {
      id, inputs: [
        ...Object.entries({ reading: id, machine, at: formatInstant(at) }).map(([name, value]) => ({ name, datatype: 'BYTES', shape: [1], data: [value] })),
        { name: 'temperature', datatype: 'FP64', shape: [1], data: [temperature] },
      ],
    }, 'application/json');

    /** A second of the plant: readings, questions about some, half a second later what became of the machines. */
    async function second({ readings, hot, asked }: { readings: number; hot: boolean; asked: number }): Promise<void> {
      const now = running.now();
      const fresh = Array.from({ length: readings }, () => reading(made++, now, hot));
      await publish(fresh.map(readEvent));
      await running.settle();
      for (const one of fresh.slice(0, asked)) await ask(one);
      await running.runTimers(now + SECOND / 2);
      await publish(fresh.map((one) => checkedEvent(one, now + SECOND / 2)));
      await running.runTimers(now + SECOND);
    }

    async function approve(version: number): Promise<registry.ModelVersion> {
      const { versions } = (await call.call(registry.RegistryServiceClient, 'listVersions', { model: 'stops' })) as registry.ListVersionsResponse;
      const waiting = versions.find((one) => one.version === version);
      if (waiting?.state !== 'awaiting_approval') throw new Error(`Version ${version} is ${waiting?.state ?? 'not there'}: ${JSON.stringify(waiting?.gates)}`);
      await call.call(registry.RegistryServiceClient, 'approveVersion', { model: 'stops', version, digest: waiting.digest, comment: 'seen' }, { as: 'reviewer' });
      await running.settle();
      return waiting;
    }

    const kept = async (service: 'ingestion' | 'training' | 'serving' | 'registry', sql: string, ...values: unknown[]): Promise<string> => {
      const [row] = await running.database(service).query<{ traceparent: string }>(sql, values);
      return row.traceparent.slice(3, 35);
    };
    /** The trace once it holds a span of each of these names, each as `service: name`. */
    const traceOf = (id: string, ...names: string[]): Promise<StoredSpan[]> => eventually(`trace ${id} with ${names.join(', ')}`, async () => {
      const spans = await store.trace(id);
      const missing = names.filter((name) => !spans.some((span) => `${span.service}: ${span.name}` === name));
      if (missing.length > 0) throw new Error(`missing: ${missing.join(', ')}; there: ${[...new Set(spans.map((span) => `${span.service}: ${span.name}`))].join(', ')}`);
      return spans;
    }, patience);
    const pathTo = (spans: StoredSpan[], name: string): string[] => {
      const found = spans.find((span) => `${span.service}: ${span.name}` === name)!;
      const above = spans.find(({ spanId }) => spanId === found.parent);
      return [...(above === undefined ? [] : pathTo(spans, `${above.service}: ${above.name}`)), name];
    };

    it('is followed for one event from its request into the feature store', async () => {
      await publish([readEvent(reading(100_000, running.now(), false))]);
      await running.settle();
      const spans = await traceOf(await kept('ingestion', 'SELECT traceparent FROM record WHERE id = $1', 'r100000'), 'feature: process ingestion.records');
      expect(pathTo(spans, 'feature: process ingestion.records')).toEqual(['ingestion: POST /ingestion/events', 'ingestion: send ingestion.records', 'feature: process ingestion.records']);
      const [request, sent, processed] = ['POST /ingestion/events', 'send ingestion.records', 'process ingestion.records'].map((name) => spans.find((span) => span.name === name)!);
      expect(request.parent).toBeUndefined();
      for (const span of [request, sent, processed]) expect(span.attributes).toMatchObject({ 'rhei.record.id': 'plant/r100000' });
      expect(processed.attributes).toMatchObject({ 'rhei.event.id': sent.attributes['rhei.event.id'], 'messaging.destination.name': 'ingestion.records' });
    }, 60_000);

    it('is linked to the trace that an event brings of where it came about', async () => {
      const origin = { traceId: 'cafe'.repeat(8), spanId: 'beef'.repeat(4) };
      await publish([100_001, 100_002].map((index) => ({ ...readEvent(reading(index, running.now(), false)), ...(index === 100_001 && { traceparent: `00-${origin.traceId}-${origin.spanId}-01` }) })));
      await running.settle();
      const spans = await traceOf(await kept('ingestion', 'SELECT traceparent FROM record WHERE id = $1', 'r100001'), 'feature: process ingestion.records');
      for (const name of ['POST /ingestion/events', 'process ingestion.records']) expect(spans.flatMap((span) => (span.name === name ? span.links : []))).toContainEqual(origin);
    }, 60_000);

    it('is followed from a plan through training and its processes to a version, and on to traffic in the trace of the approval', async () => {
      // Slowly, so that the reference of the monitor spans enough seconds when the plan has the labels that it wants.
      for (let count = 0; count < 28 && running.published('ModelVersionRegistered').length === 0; count += 1) await second({ readings: 27, hot: false, asked: 0 });
      const { run } = await approve(1);
      firstRun = run;
      const spans = await traceOf(await kept('training', 'SELECT traceparent FROM run WHERE id = $1', run), 'registry: send registry.models', 'training: process registry.models');
      expect(pathTo(spans, 'registry: process training.runs')).toEqual(['training: timer look', 'training: training run', 'training: send training.runs', 'registry: process training.runs']);
      expect(pathTo(spans, 'training: fit')).toEqual(['training: timer look', 'training: training run', 'training: fit']);
      expect(pathTo(spans, 'feature: join')).toEqual([
        'training: timer look', 'training: rhei.feature.v1.FeatureService/BuildTrainingSet', 'feature: rhei.feature.v1.FeatureService/BuildTrainingSet', 'feature: build training set', 'feature: join',
      ]);
      expect(spans.filter(({ name }) => ['load rows', 'fit', 'export', 'check', 'take in rows', 'summarise'].includes(name))).toHaveLength(6);

      const approval = await traceOf(await kept('registry', 'SELECT traceparent FROM promotion WHERE model = $1 AND version = 1', 'stops'), 'monitoring: process serving.deployments');
      expect(pathTo(approval, 'monitoring: process serving.deployments')).toEqual([
        'registry: rhei.registry.v1.RegistryService/ApproveVersion', 'registry: send registry.models', 'serving: process registry.models', 'serving: send serving.deployments', 'monitoring: process serving.deployments',
      ]);
      const approved = approval.find(({ parent }) => parent === undefined)!;
      expect(approved.attributes).toMatchObject({ 'rhei.model.name': 'stops', 'rpc.status_code': 'OK' });
      expect(approved.links.map(({ traceId }) => traceId)).toEqual([spans[0].traceId]);
    }, 120_000);

    it('is followed from a prediction to its features, its place in the ledger and those who hear of it', async () => {
      const one = reading(200_000, running.now(), false);
      await ask(one);
      await running.settle();
      const spans = await traceOf(await kept('serving', 'SELECT traceparent FROM prediction WHERE id = $1', one.id), 'monitoring: process serving.predictions', 'feature: process serving.predictions', 'serving: POST /v2/models/:model/infer');
      expect(pathTo(spans, 'feature: rhei.feature.v1.FeatureService/GetFeatures')).toEqual([
        'serving: POST /v2/models/:model/infer', 'serving: rhei.feature.v1.FeatureService/GetFeatures', 'feature: rhei.feature.v1.FeatureService/GetFeatures',
      ]);
      expect(pathTo(spans, 'monitoring: process serving.predictions')).toEqual(['serving: POST /v2/models/:model/infer', 'serving: send serving.predictions', 'monitoring: process serving.predictions']);
      const request = spans.find(({ parent }) => parent === undefined)!;
      expect(request.attributes).toMatchObject({ 'rhei.prediction.id': one.id, 'rhei.deployment': 'line', 'rhei.model.name': 'stops' });
      expect(Number(request.attributes['rhei.model.version'])).toBe(1);
    }, 60_000);

    if (drift) it('is followed from drift to a retraining, its version, its promotion and the switch of traffic: two traces, joined by a link', async () => {
      for (let count = 0; count < 4; count += 1) await second({ readings: 40, hot: false, asked: 40 });
      for (let count = 0; count < 12 && running.published('RetrainingRequested').length === 0; count += 1) await second({ readings: 40, hot: true, asked: 40 });
      const [request] = running.published('RetrainingRequested');
      if (!request) {
        const { windows } = (await call.call(monitoring.MonitoringServiceClient, 'listWindows', { monitor: 'line' })) as monitoring.ListWindowsResponse;
        throw new Error(`No retraining was requested: ${JSON.stringify(windows.map(({ alarm, reason, rows }) => ({ alarm, reason, rows })))}`);
      }
      // Its training set waits until no record of before can come any more.
      for (let count = 0; count < 5 && running.published('ModelVersionRegistered').length < 2; count += 1) await second({ readings: 5, hot: true, asked: 0 });
      const { run } = await approve(2);
      secondRun = run;
      expect(run).not.toBe(firstRun);
      const spans = await traceOf(await kept('training', 'SELECT traceparent FROM run WHERE id = $1', run), 'registry: send registry.models');
      expect(pathTo(spans, 'registry: send registry.models')).toEqual([
        'monitoring: timer window-closes', 'monitoring: send monitoring.monitors', 'training: process monitoring.monitors', 'training: training run', 'training: send training.runs',
        'registry: process training.runs', 'registry: send registry.models',
      ]);
      const approval = await traceOf(await kept('registry', 'SELECT traceparent FROM promotion WHERE model = $1 AND version = 2', 'stops'), 'serving: send serving.deployments');
      expect(approval.find(({ parent }) => parent === undefined)!.links.map(({ traceId }) => traceId)).toEqual([spans[0].traceId]);
      expect(pathTo(approval, 'serving: send serving.deployments').at(-2)).toBe('serving: process registry.models');
    }, 180_000);

    it('stands under six services, and holds no token and nothing of a probe', async () => {
      expect((await store.services()).filter((name) => (serviceNames as readonly string[]).includes(name)).sort()).toEqual([...serviceNames].sort());
      const everything = await store.everything();
      for (const name of ['admin', 'plant', 'gate', 'reviewer', ...serviceNames]) expect(everything).not.toContain(running.token(name));
      expect(everything).not.toMatch(/ReplayControl|GetStatus|health\/ready|grpc\.health/);
    });

    also(() => store, () => running, () => secondRun);
  });
}
