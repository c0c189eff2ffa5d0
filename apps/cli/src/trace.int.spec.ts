import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { runtime } from '@rhei/contracts';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { run } from './run';

/** What the services keep about things, as far as a trace needs it. */
const platform = { server: new Server(), port: 0, traced: true, causes: {} as Record<string, { title: string; traceparents: string[] }> };
beforeAll(async () => {
  platform.server.addService(runtime.OperationsServiceService, {
    explain: ({ request: { service, kind, id } }: ServerUnaryCall<runtime.ExplainRequest, runtime.ExplainResponse>, answer: sendUnaryData<runtime.ExplainResponse>) => {
      const known = platform.causes[`${service}/${kind}/${id}`];
      answer(null, { found: known !== undefined, title: known?.title ?? '', lines: [], causes: [], traceparents: known?.traceparents ?? [], traced: platform.traced });
    },
  });
  platform.port = await new Promise((resolve, reject) => platform.server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port))));
});
afterAll(() => platform.server.forceShutdown());

async function rhei(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const streams = { stdout: new PassThrough({ highWaterMark: 1e7 }), stderr: new PassThrough(), stdin: new PassThrough() };
  const env = { RHEI_URL: 'http://127.0.0.1:1', RHEI_GRPC: `127.0.0.1:${platform.port}`, RHEI_TOKEN: 'good' };
  const code = await run(args, { env, ...streams } as unknown as Parameters<typeof run>[1]);
  return { code, out: String(streams.stdout.read() ?? ''), err: String(streams.stderr.read() ?? '') };
}

describe('rhei trace', () => {
  const [first, approval] = ['a'.repeat(32), 'b'.repeat(32)];
  const kept = (traceId: string, flags = '01'): string => `00-${traceId}-${'1'.repeat(16)}-${flags}`;
  const span = (traceID: string, spanID: string, parent: string | undefined, processID: string, operationName: string, startTime: number, tags: Record<string, unknown> = {}, linked: string[] = []) => ({
    traceID, spanID, operationName, startTime, duration: 1_500, processID, tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
    references: [...(parent === undefined ? [] : [{ refType: 'CHILD_OF', traceID, spanID: parent }]), ...linked.map((id) => ({ refType: 'FOLLOWS_FROM', traceID: id, spanID: '9' }))],
  });
  const processes = { p1: { serviceName: 'training' }, p2: { serviceName: 'registry' } };
  const traces: Record<string, object> = {
    [first]: { traceID: first, processes, spans: [
      span(first, 's2', 's1', 'p2', 'process training.runs', 3_000, { 'rhei.model.name': 'late', 'rhei.model.version': 2, error: true, 'otel.status_description': 'Not now.' }),
      span(first, 's1', undefined, 'p1', 'training run', 1_000, { 'rhei.run.id': 'r2' }),
    ] },
    [approval]: { traceID: approval, processes, spans: [span(approval, 's3', undefined, 'p2', 'ApproveVersion', 9_000, {}, [first])] },
  };
  let jaeger: HttpServer;
  let url: string;
  let tagged: Record<string, string>;
  beforeEach(async () => {
    tagged = {};
    platform.traced = true;
    jaeger = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, 'http://jaeger');
      const found = traces[pathname.slice('/api/traces/'.length)];
      const data = pathname === '/api/services' ? ['registry', 'jaeger'] : pathname === '/api/traces' ? (tagged[searchParams.get('tags')!] ? [traces[tagged[searchParams.get('tags')!]]] : []) : found && [found];
      response.writeHead(data ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(data ? { data } : { errors: [{ code: 404, msg: 'trace not found' }] }));
    });
    await new Promise<void>((resolve) => jaeger.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(jaeger.address() as AddressInfo).port}`;
    platform.causes = { 'training/run/r2': { title: 'Run r2', traceparents: [kept(first)] }, 'registry/version/late/2': { title: 'Version late/2', traceparents: [kept(first), kept(approval)] } };
  });
  afterEach(() => void jaeger.close());

  it('shows the way of a run through the services, and the approval that is a trace of its own', async () => {
    expect((await rhei('trace', 'run', 'r2', '--jaeger', url)).out).toBe([
      `Trace ${first}  2 spans of 2 services in 3.5 ms, 1 failed  (run r2)`,
      '  training run  [training]  +0 µs 1.5 ms  run r2', '    process training.runs  [registry]  +2.0 ms 1.5 ms  model late/2  failed: Not now.', `  ${url}/trace/${first}`, '',
      `Trace ${approval}  1 span of 1 service in 1.5 ms  (version late/2)`, '  ApproveVersion  [registry]  +0 µs 1.5 ms', `  ${url}/trace/${approval}`, '',
    ].join('\n'));
    expect(JSON.parse((await rhei('trace', 'r2', '--jaeger', url, '--json')).out)).toMatchObject([{ traceId: first, link: `${url}/trace/${first}`, spans: [{ name: 'training run', children: [{ service: 'registry' }] }] }, { traceId: approval }]);
  });

  it('takes the id of a trace, and finds by its tag what no service knows by name', async () => {
    expect((await rhei('trace', approval, '--jaeger', url)).out).toContain(`linked from "ApproveVersion" of registry`);
    tagged = { '{"rhei.event.id":"e1"}': first };
    expect((await rhei('trace', 'event', 'e1', '--jaeger', url)).out).toContain('(a span of registry with rhei.event.id = e1)');
  });

  it.each([
    ['is in no Jaeger, because tracing is off in training', 'OTEL_EXPORTER_OTLP_ENDPOINT', () => { platform.traced = false; platform.causes['training/run/r3'] = { title: 'Run r3', traceparents: [kept('c'.repeat(32))] }; }, 'r3'],
    ['was not sampled', 'OTEL_TRACES_SAMPLER_ARG', () => { platform.causes['training/run/r3'] = { title: 'Run r3', traceparents: [kept('c'.repeat(32), '00')] }; }, 'r3'],
    [`has no trace ${'c'.repeat(32)} of "r3"`, 'ask again', () => { platform.causes['training/run/r3'] = { title: 'Run r3', traceparents: [kept('c'.repeat(32))] }; }, 'r3'],
    ['No service knows the run "nobody", and no span in Jaeger names it', 'rhei runs list', () => undefined, 'nobody'],
  ])('says that the trace %s, and what to do: %s', async (said, hint, given, id) => {
    given();
    const { code, err } = await rhei('trace', 'run', id, '--jaeger', url);
    expect([code, err]).toEqual([3, expect.stringContaining(said)]);
    expect(err).toContain(hint);
  });

  it('says where it looked for a Jaeger that is not there', async () => {
    expect(await rhei('trace', 'r2', '--jaeger', 'http://127.0.0.1:59999')).toMatchObject({ code: 7, err: expect.stringContaining('No Jaeger answers at http://127.0.0.1:59999 (from --jaeger): ECONNREFUSED') });
    expect(await rhei('trace', 'r2', '--jaeger', 'jaeger')).toMatchObject({ code: 2, err: expect.stringContaining('is no URL') });
    expect(await rhei('trace', 'rnu', 'r2')).toMatchObject({ code: 2, err: expect.stringContaining('did you mean run?') });
  });
});
