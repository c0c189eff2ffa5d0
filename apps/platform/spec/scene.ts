import { credentials, Metadata, type Client, type ServiceError } from '@grpc/grpc-js';
import { inference, runtime, training } from '@rhei/contracts';
import { canonicalJson, parseInstant } from '@rhei/expressions';
import { writeTreeModel } from '@rhei/onnx';
import { openBlobs } from '@rhei/runtime';
import { startServices, type RunningServices } from '@rhei/testing';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { modules } from '../src/embedded';

export const begin = parseInstant('2001-02-01T00:00:00Z');
const examples = join(__dirname, '..', '..', '..', 'examples', 'flights');

/** Calls one gRPC method as a principal of the tests. */
export function caller(running: Pick<RunningServices, 'grpc' | 'token'>) {
  const open = new Map<unknown, Client>();
  return {
    call<C extends Client, Request, Response>(
      constructor: new (...args: ConstructorParameters<typeof Client>) => C, method: string, request: Request, { as = 'admin', token, deadline = 10_000 }: { as?: string; token?: string; deadline?: number } = {},
    ): Promise<Response> {
      const client = (open.get(constructor) ?? new constructor(running.grpc, credentials.createInsecure(), {})) as C;
      open.set(constructor, client);
      const metadata = new Metadata();
      if (token !== '') metadata.set('authorization', `Bearer ${token ?? running.token(as)}`);
      return new Promise((resolve, reject) => {
        (client as unknown as Record<string, (...args: unknown[]) => void>)[method](request, metadata, { deadline: Date.now() + deadline }, (error: ServiceError | null, response: Response) =>
          (error === null ? resolve(response) : reject(error)));
      });
    },
    close: () => open.forEach((client) => client.close()),
  };
}

type Change = (kind: string, spec: Record<string, unknown>) => Record<string, unknown>;

/** A promoted version goes live at once, and nothing scores beside it: rollouts have scenes of their own. */
function atOnce(kind: string, spec: Record<string, unknown>): Record<string, unknown> {
  return kind === 'Deployment' ? { model: spec.model, featureSet: spec.featureSet, ledger: spec.ledger } : spec;
}

/** The example's resources, as `rhei apply` sends them, without the stages of its deployment. */
export function exampleResources(change: Change = (_kind, spec) => spec): runtime.Resource[] {
  return ['source.yaml', 'features.yaml', 'model.yaml']
    .flatMap((file) => parseAllDocuments(readFileSync(join(examples, file), 'utf8')) as { toJS(): unknown }[])
    .map((document) => document.toJS() as { kind: string; metadata: { name: string }; spec: Record<string, unknown> })
    .map(({ kind, metadata: { name }, spec }) => ({ kind, name, specJson: canonicalJson(change(kind, atOnce(kind, spec))), version: 0 }));
}

export async function applyExample(call: ReturnType<typeof caller>, resources = exampleResources()): Promise<void> {
  for (const service of ['ingestion', 'feature', 'training', 'registry', 'serving', 'monitoring']) {
    await call.call(runtime.ResourceServiceClient, 'applyResources', { service, resources });
  }
}

const features = ['hour', 'weekday', 'distance', 'origin_late', 'destination_late', 'route_late'];

/** A tiny model over the example's six features: later hours are later. */
export function tinyModel(shift: number): Uint8Array {
  return writeTreeModel({
    ensemble: {
      features, base: Math.fround(shift), roots: [0], feature: [0, -1, -1], threshold: [12, 0, 0], missingLeft: [1, 0, 0], left: [1, -1, -1], right: [2, -1, -1], value: [0, -1.5, -0.5],
    },
  });
}

const day = 86_400_000_000;
/** Six weeks of outcomes by day: a fifth is late. */
const outcomes: training.ProfileSeries = {
  name: 'outcome', origin: 'outcome', edges: [0.5], categories: [], buckets: Array.from({ length: 42 }, (_, index) => ({ start: begin - (42 - index) * day, counts: [80, 20, 0] })),
};

/** A completed run as training would say it. */
export function completedRun(digest: string, size: number, { logLoss = 0.4, author = 'training', champion }: { logLoss?: number; author?: string; champion?: { digest: string; logLoss: number } } = {}): training.RunCompleted {
  const metrics = (loss: number) => ({ logLoss: loss, auc: 0.7, brier: 0.15, calibration: { error: 0.02, low: 0.01, high: 0.03 } });
  return {
    run: `run-${digest.slice(0, 8)}`, plan: 'flight-late', model: 'flight-late', featureSet: 'flight-lateness', featureSetVersion: 1, asOf: begin,
    causeJson: JSON.stringify({ kind: 'person', id: 'test', reason: 'asked for' }), author, artifactDigest: digest, artifactSize: size,
    trainingSetDigest: 'a'.repeat(64), codeDigest: 'b'.repeat(64), parametersJson: '{}',
    signatureJson: JSON.stringify({ inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, 6] }], features, outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }] }),
    exampleJson: JSON.stringify({ features: [1, 2, 3, null, null, null] }),
    reportJson: JSON.stringify({
      holdout: { from: '2001-01-01T00:00:00Z', to: '2001-01-15T00:00:00Z', rows: 500 }, fit: { rows: 1000 }, baseRate: metrics(0.5), challenger: metrics(logLoss),
      ...(champion === undefined ? {} : { champion: { ...metrics(champion.logLoss), digest: champion.digest } }), improved: true,
      linear: metrics(0.45), slices: [{ field: 'request.origin', value: 'JFK', rows: 500, logLoss, difference: { mean: -0.01, low: -0.02, high: 0.01, rows: 500 } }],
    }),
    cardJson: '{}',
    profile: { bucket: day, from: begin - 42 * day, to: begin, series: [outcomes] },
    fitUntil: begin - 14 * day,
  };
}

/** Six services with the example applied; `promote` gives its model a live version. */
export async function scene(options: Parameters<typeof startServices>[1] = {}) {
  const running = await startServices(modules, { clock: 'replay', at: begin, ...options });
  const call = caller(running);
  await applyExample(call);
  await running.settle();
  return {
    running, call,
    async register(shift: number, report?: Parameters<typeof completedRun>[2]): Promise<string> {
      const bytes = tinyModel(shift);
      const digest = await (await openBlobs(running.env.BLOBS!)).put(bytes);
      await running.publish('RunCompleted', 'flight-late', completedRun(digest, bytes.length, report));
      await running.settle();
      return digest;
    },
    async stop(): Promise<void> {
      call.close();
      await running.stop();
    },
  };
}

export const tensors = (fields: Record<string, string | number>): { name: string; datatype: string; shape: number[]; data: (string | number)[] }[] =>
  Object.entries(fields).map(([name, value]) => ({ name, datatype: typeof value === 'number' ? 'FP64' : 'BYTES', shape: [1], data: [value] }));

export const question = { flight: 'f1', origin: 'JFK', destination: 'LAX', distance: 2475, departure: '2001-02-01T17:00:00Z' };

export function inferRequest(fields: Record<string, string | number>, id = ''): inference.ModelInferRequest {
  const none = { boolContents: [], intContents: [], int64Contents: [], uintContents: [], uint64Contents: [], fp32Contents: [], fp64Contents: [], bytesContents: [] };
  return {
    modelName: 'departures', modelVersion: '', id, parameters: {}, outputs: [], rawInputContents: [],
    inputs: tensors(fields).map(({ name, datatype, shape, data }) => ({
      name, datatype, shape, parameters: {},
      contents: datatype === 'FP64' ? { ...none, fp64Contents: data as number[] } : { ...none, bytesContents: data.map((text) => Buffer.from(String(text))) },
    })),
  };
}
