import { startJaeger, type RunningServices } from '@rhei/testing';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../spec/platform-process';
import { tracing, type StoredSpan, type TraceStore } from './tracing.contract';

interface JaegerTrace {
  spans: { traceID: string; spanID: string; operationName: string; processID: string; references: { refType: string; traceID: string; spanID: string }[]; tags: { key: string; value: unknown }[] }[];
  processes: Record<string, { serviceName: string }>;
}

const spansOf = ({ spans, processes }: JaegerTrace): StoredSpan[] => spans.map(({ traceID, spanID, operationName, processID, references, tags }) => ({
  service: processes[processID].serviceName, name: operationName, traceId: traceID, spanId: spanID,
  parent: references.find(({ refType }) => refType === 'CHILD_OF')?.spanID,
  links: references.filter(({ refType }) => refType !== 'CHILD_OF').map((link) => ({ traceId: link.traceID, spanId: link.spanID })),
  attributes: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
}));

/** A real Jaeger, read through its query API. */
async function jaegerStore(): Promise<TraceStore & { query: string }> {
  const jaeger = await startJaeger();
  const get = async <Data>(path: string): Promise<Data | undefined> => {
    const response = await fetch(`${jaeger.query}${path}`);
    return response.status === 404 ? undefined : ((await response.json()) as { data: Data }).data;
  };
  const services = async () => (await get<string[]>('/api/services')) ?? [];
  return {
    endpoint: jaeger.otlp, query: jaeger.query, stop: jaeger.stop, services,
    trace: async (id) => ((await get<JaegerTrace[]>(`/api/traces/${id}`)) ?? []).flatMap(spansOf),
    everything: async () => JSON.stringify(await Promise.all((await services()).map((service) => get(`/api/traces?service=${service}&limit=1000`)))),
  };
}

/** The command line as people call it, on the built files. */
async function rhei(running: RunningServices, ...args: string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], RHEI_URL: running.http, RHEI_GRPC: running.grpc, RHEI_TOKEN: running.token('aud') };
  return (await promisify(execFile)(process.execPath, [join(root, 'apps', 'cli', 'bin', 'rhei.mjs'), ...args], { env, maxBuffer: 1e8 })).stdout;
}

describe('traces in Jaeger', () => {
  tracing(jaegerStore, { drift: true }, (store, running, runOfSecond) => {
    const trace = (...args: string[]) => rhei(running(), 'trace', ...args, '--jaeger', (store() as TraceStore & { query: string }).query);

    it('are shown by the command line: an event, a prediction, and a run with the approval that made its version live', async () => {
      const event = await trace('event', 'plant/r100000');
      expect(event).toMatch(/POST \/ingestion\/events {2}\[ingestion\].*\n +send ingestion\.records {2}\[ingestion\].*\n +process ingestion\.records {2}\[feature\]/);
      expect(event).toMatch(/http:\/\/127\.0\.0\.1:\d+\/trace\/[0-9a-f]{32}\n$/);
      expect(await trace('prediction', 'r200000')).toContain('rhei.feature.v1.FeatureService/GetFeatures  [feature]');
      const run = await trace('run', runOfSecond());
      for (const name of ['timer window-closes  [monitoring]', 'training run  [training]', 'fit  [training]', 'process training.runs  [registry]', 'ApproveVersion  [registry]', 'send serving.deployments  [serving]']) expect(run).toContain(name);
      expect(run.match(/^Trace /gm)).toHaveLength(2);
    }, 60_000);

    it('are found by the id of one of our own events, by a tag alone', async () => {
      const [{ headers }] = await running().database('ingestion').query<{ headers: Record<string, string> }>(`SELECT headers FROM outbox WHERE topic = 'ingestion.records' ORDER BY id LIMIT 1`);
      expect(await trace('event', headers.ce_id)).toContain(`with rhei.event.id = ${headers.ce_id}`);
    }, 60_000);
  });
});
