import { Controller, Inject, Post } from '@nestjs/common';
import { feature, ingestion, invalid, runtime } from '@rhei/contracts';
import { eventually, startOtlpSink, startServices, type OtlpSink, type RunningServices, type SeenSpan } from '@rhei/testing';
import { z } from 'zod';
import { annotate, call, currentContext, DEPS, inGroup, service, shared, type Database, type WorkContext } from './index';

interface Deps {
  database: Database;
  operations: runtime.ResourceServiceClient;
}
const deps = ({ database, peer }: any): Deps => ({ database, operations: peer('feature', runtime.ResourceServiceClient) });
const said = (tx: any, name: string) => tx.emit('SourceApplied', 'airline', ingestion.SourceApplied.fromPartial({ name }));
let together: { context: WorkContext | undefined; done: () => void }[] = [];

@Controller('fake')
class FakeController {
  constructor(@Inject(DEPS) private readonly deps: Deps) {}
  @Post('sources')
  async apply() {
    annotate(() => ({ 'rhei.record.id': 'airline/1' }));
    await this.deps.database.transaction((tx) => said(tx, 'airline'));
    return 'said';
  }
  @Post('refused')
  async refused() {
    await this.deps.database.transaction(async (tx) => {
      await said(tx, 'never');
      throw invalid('Not like this.');
    }).catch(() => undefined);
    return 'refused';
  }
  /** Two requests, one commit. */
  @Post('grouped')
  async grouped() {
    const wait = new Promise<void>((done) => together.push({ context: currentContext(), done }));
    if (together.length === 2) {
      const group = together.splice(0);
      await inGroup('fake group', group.map(({ context }) => context), () => this.deps.database.transaction((tx) => said(tx, 'grouped')));
      for (const { done } of group) done();
    }
    await wait;
    return 'grouped';
  }
  @Post('asked')
  async asked() {
    await call(this.deps.operations, 'listResources', { service: 'feature', kind: '' }, { deadline: 2_000 });
    await call(this.deps.operations, 'applyResources', { service: 'feature', resources: [] }, { deadline: 2_000 }).catch(() => undefined);
    return 'asked';
  }
}
const route = { roles: ['developer' as const] };
const speaker = service<object, Deps>({
  name: 'ingestion', config: z.object({}), migrations: [], deps,
  http: [{ controller: FakeController, routes: { 'POST /fake/sources': route, 'POST /fake/refused': route, 'POST /fake/grouped': route, 'POST /fake/asked': route } }],
  timers: [{ kind: 'tick', fire: async (_deps, _timer, tx) => said(tx, 'timer') }],
});
const hearer = service<object, Deps>({
  name: 'feature', config: z.object({}), migrations: [], deps,
  on: [shared<Deps, 'SourceApplied'>('SourceApplied', async (_deps, { payload: { name } }, tx) => {
    if (name === 'bad') throw invalid('This one is never right.');
    await tx.emit('FeatureSetApplied', name, feature.FeatureSetApplied.fromPartial({ name }));
  })],
});
const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const post = (running: RunningServices, path: string, headers = {}) =>
  fetch(`${running.http}/fake/${path}`, { method: 'POST', headers: { authorization: `Bearer ${running.token('dev')}`, ...headers } });

describe('spans', () => {
  let running: RunningServices;
  let sink: OtlpSink;
  beforeAll(async () => {
    sink = await startOtlpSink();
    running = await startServices([speaker, hearer], { clock: 'replay', at: 0, env: { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url } });
  });
  afterAll(async () => {
    await running?.stop();
    await sink?.stop();
  });
  afterEach(() => {
    together = [];
  });

  /** The spans of the trace that holds a span of this name once so many have come. */
  const traceWith = (name: string, count: number): Promise<SeenSpan[]> => eventually(`${count} spans of the trace with "${name}"`, async () => {
    const id = sink.spans.find((span) => span.name === name)?.traceId;
    const spans = sink.spans.filter(({ traceId }) => traceId === id);
    return spans.length >= count ? spans : undefined;
  });
  const named = (spans: SeenSpan[], service: string, name: string): SeenSpan => {
    const found = spans.filter((span) => span.service === service && span.name === name);
    if (found.length !== 1) throw new Error(`Expected one span "${name}" of ${service}, got ${found.length}: ${spans.map((span) => `${span.service} ${span.name}`).join(', ')}`);
    return found[0];
  };

  it('follow a request through its event into another service, each under its own service, child by child', async () => {
    await post(running, 'sources', { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
    await running.settle();
    const spans = await traceWith('POST /fake/sources', 4);
    const request = named(spans, 'ingestion', 'POST /fake/sources');
    const sent = named(spans, 'ingestion', 'send ingestion.sources');
    const processed = named(spans, 'feature', 'process ingestion.sources');
    const further = named(spans, 'feature', 'send feature.sets');
    expect(request).toMatchObject({
      traceId: trace, parent: '00f067aa0ba902b7', kind: 2,
      attributes: { 'http.request.method': 'POST', 'http.route': '/fake/sources', 'http.response.status_code': 201, 'rhei.record.id': 'airline/1' },
    });
    expect(sent).toMatchObject({ parent: request.spanId, kind: 4, attributes: { 'messaging.system': 'postgresql', 'messaging.operation.type': 'send', 'cloudevents.event_type': 'rhei.ingestion.source-applied.v1' } });
    expect(processed).toMatchObject({ parent: sent.spanId, kind: 5, links: [], attributes: { 'messaging.consumer.group.name': 'feature', 'rhei.event.id': sent.attributes['rhei.event.id'] } });
    expect(further).toMatchObject({ parent: processed.spanId, kind: 4 });
    const [{ headers }] = await running.database('ingestion').query<{ headers: Record<string, string> }>('SELECT headers FROM outbox ORDER BY id LIMIT 1');
    expect(headers).toMatchObject({ traceparent: `00-${trace}-${sent.spanId}-01`, ce_id: sent.attributes['rhei.event.id'] });
  });

  it('do not say what was rolled back', async () => {
    await post(running, 'refused');
    expect(await traceWith('POST /fake/refused', 1)).toHaveLength(1);
  });

  it('of a commit that several requests share are linked to each, and each to them', async () => {
    await Promise.all([post(running, 'grouped'), post(running, 'grouped')]);
    await running.settle();
    const spans = await traceWith('fake group', 4);
    const group = named(spans, 'ingestion', 'fake group');
    const requests = await eventually('both requests', async () => {
      const found = sink.spans.filter(({ name }) => name === 'POST /fake/grouped');
      return found.length === 2 ? found : undefined;
    });
    expect(group.parent).toBeUndefined();
    expect(new Set(group.links.map(({ spanId }) => spanId))).toEqual(new Set(requests.map(({ spanId }) => spanId)));
    for (const { links, traceId } of requests) {
      expect(links).toEqual([{ traceId: group.traceId, spanId: group.spanId }]);
      expect(traceId).not.toBe(group.traceId);
    }
    expect(named(spans, 'ingestion', 'send ingestion.sources').parent).toBe(group.spanId);
  });

  it('of a call stand on both sides, and a question about the process in no trace of its server', async () => {
    await post(running, 'asked');
    const spans = await traceWith('POST /fake/asked', 3);
    const request = named(spans, 'ingestion', 'POST /fake/asked');
    const [list, apply] = ['ListResources', 'ApplyResources'].map((method) => spans.filter(({ name }) => name === `rhei.runtime.v1.ResourceService/${method}`));
    expect(list.map(({ service, kind, parent }) => ({ service, kind, parent }))).toEqual([{ service: 'ingestion', kind: 3, parent: request.spanId }]);
    // A service may not apply: the refusal comes before there is a span, and is an error of the caller's.
    expect(apply).toMatchObject([{ service: 'ingestion', kind: 3, error: true, attributes: { 'rpc.system.name': 'grpc', 'rpc.status_code': 'PERMISSION_DENIED', 'error.type': 'PERMISSION_DENIED' } }]);
  });

  it('of a timer begin a trace', async () => {
    await running.database('ingestion').transaction((tx) => tx.arm('tick', 'a', 1_000_000));
    await running.runTimers(1_000_000);
    const spans = await traceWith('timer tick', 4);
    expect(named(spans, 'ingestion', 'timer tick')).toMatchObject({ parent: undefined, attributes: { 'rhei.timer.key': 'a' } });
    expect(named(spans, 'feature', 'process ingestion.sources').parent).toBe(named(spans, 'ingestion', 'send ingestion.sources').spanId);
  });

  it('of an event that cannot be applied say why', async () => {
    await running.publish('SourceApplied', 'bad', ingestion.SourceApplied.fromPartial({ name: 'bad' }));
    const failed = await eventually('the span that failed', async () => sink.spans.find(({ error, service }) => error && service === 'feature'));
    expect(failed).toMatchObject({ name: 'process ingestion.sources', attributes: { 'error.type': 'invalid' } });
  });

  it('hold no token and begin no trace for probes', async () => {
    await fetch(`${running.http}/health/ready`);
    for (const body of sink.bodies) expect(body).not.toContain(running.token('dev'));
    expect(sink.spans.filter(({ name }) => /health|Health|ReplayControl|GetStatus/.test(name))).toEqual([]);
    expect(new Set(sink.spans.map(({ service }) => service))).toEqual(new Set(['ingestion', 'feature']));
  });

  it('that nobody takes cost a warning, and nothing else', async () => {
    const lines: string[] = [];
    const other = await startServices([speaker, hearer], { clock: 'replay', at: 0, env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', LOG_LEVEL: 'warn' }, logTo: { write: (line) => void lines.push(line) } });
    try {
      expect((await post(other, 'sources')).status).toBe(201);
      await other.settle();
      expect(other.published('FeatureSetApplied')).toHaveLength(1);
    } finally {
      const before = performance.now();
      await other.stop();
      expect(performance.now() - before).toBeLessThan(8_000);
    }
  }, 30_000);

  it('are not made where no share of traces is kept, while their ids travel on', async () => {
    const before = sink.bodies.length;
    const other = await startServices([speaker, hearer], { clock: 'replay', at: 0, env: { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_TRACES_SAMPLER_ARG: '0' } });
    try {
      await post(other, 'sources');
      await other.settle();
      const [{ headers }] = await other.database('feature').query<{ headers: Record<string, string> }>('SELECT headers FROM outbox');
      expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    } finally {
      await other.stop();
    }
    expect(sink.bodies).toHaveLength(before);
  }, 30_000);
});
