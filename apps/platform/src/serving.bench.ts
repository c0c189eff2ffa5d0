/**
 * Answers a second of serving, one row and a hundred, ledger sync and async, in the platform of six services in one process
 * with a durable PostgreSQL; beside it, in rounds that take turns, a bare grpc-js echo of the same message, a bare http2 echo
 * of the same bytes, and a bare onnxruntime loop over the same model. Server, echo and clients are a process each.
 * Run: npm run bench -- serving
 */
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { inference, registry, serviceNames, serving } from '@rhei/contracts';
import { run, openBlobs, type Environment } from '@rhei/runtime';
import { eventually, makeTokens, openDurableDatabases } from '@rhei/testing';
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTreeModel } from '@rhei/onnx';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { applyExample, caller, completedRun, exampleResources, inferRequest, question } from '../spec/scene';
import { modules } from './embedded';

const rounds = 5;
const milliseconds = 1_000;
const atOnce = 32;
const rowsOf = { one: 1, hundred: 100 };
const features = ['hour', 'weekday', 'distance', 'origin_late', 'destination_late', 'route_late'];

/** A hundred trees of eight leaves, as training makes them. */
function model(): Uint8Array {
  const tree = { feature: [] as number[], threshold: [] as number[], missingLeft: [] as number[], left: [] as number[], right: [] as number[], value: [] as number[], roots: [] as number[] };
  const grow = (depth: number, seed: number): number => {
    const at = tree.feature.length;
    const leaf = depth === 3;
    tree.feature.push(leaf ? -1 : seed % 3);
    tree.threshold.push(leaf ? 0 : [12, 3, 1_000][seed % 3] + depth);
    tree.missingLeft.push(leaf ? 0 : 1);
    tree.left.push(-1);
    tree.right.push(-1);
    tree.value.push(leaf ? Math.fround(((seed % 7) - 3) / 100) : 0);
    if (!leaf) {
      tree.left[at] = grow(depth + 1, seed * 2 + 1);
      tree.right[at] = grow(depth + 1, seed * 2 + 2);
    }
    return at;
  };
  for (let index = 0; index < 100; index += 1) tree.roots.push(grow(0, index));
  return writeTreeModel({ ensemble: { features, base: Math.fround(-1), ...tree } });
}

/** The platform, told by its parent to bring a model and to score without any door. */
async function platform(): Promise<void> {
  const running = await run(modules, { env: process.env as Environment });
  const bytes = model();
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: 3 });
  process.on('message', async (message: 'register' | number) => {
    if (message === 'register') {
      const digest = await (await openBlobs(process.env.BLOBS!)).put(bytes);
      await running.services.get('training')!.database.transaction((tx) => tx.emit('RunCompleted', 'flight-late', completedRun(digest, bytes.length)));
      process.send!(digest);
      return;
    }
    const rows = Float32Array.from(Array.from({ length: message }, () => [17, 4, 2_475, NaN, NaN, NaN]).flat());
    const until = performance.now() + milliseconds;
    let count = 0;
    for (; performance.now() < until; count += 1) await session.run({ features: new Tensor('float32', rows, [message, features.length]) });
    process.send!(count / milliseconds * 1_000);
  });
  process.send!({ http: running.http, grpc: running.grpc });
}

/** What a call costs that does nothing: the same message in, an answer of the same size out. */
async function echo(): Promise<void> {
  const server = new Server();
  server.addService({ modelInfer: inference.GRPCInferenceServiceService.modelInfer }, {
    modelInfer: (call: { request: inference.ModelInferRequest }, answer: (error: null, response: inference.ModelInferResponse) => void) => answer(null, {
      modelName: call.request.modelName, modelVersion: '1', id: 'an id of the usual length 0123456789', parameters: {}, outputs: [{ name: 'probability', datatype: 'FP32', shape: [1], parameters: {}, contents: undefined }],
      rawOutputContents: [Buffer.alloc(4 * (call.request.inputs[0].shape[0] ?? 1))],
    }),
  });
  const grpc = await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error))));
  const http2 = createServer();
  http2.on('stream', (stream) => {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
      stream.respond({ ':status': 200 });
      stream.end(Buffer.concat(parts));
    });
  });
  await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
  process.send!({ grpc: `127.0.0.1:${grpc}`, http2: `http://127.0.0.1:${(http2.address() as AddressInfo).port}` });
}

const heard = <T>(child: ChildProcess): Promise<T> => new Promise((resolve, reject) => {
  const ended = (code: number | null): void => reject(new Error(`A part of the bench ended with ${code}.`));
  child.once('exit', ended);
  child.once('message', (message) => {
    child.off('exit', ended);
    resolve(message as T);
  });
});
const start = (role: string, env: Environment = {}): ChildProcess => fork(__filename, [role], { env: { ...process.env, ...env } as NodeJS.ProcessEnv });
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Calls that were to be asked again later, or not answered in time: told beside the rates, of which they are no part. */
let refused = 0;

/** Calls answered in a second by `atOnce` callers, each of whom waits for the answer. */
async function rate(ask: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let count = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (performance.now() < started + milliseconds) {
      await ask().then(() => (count += 1), (error: { code?: number }) => {
        if (![status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.DEADLINE_EXCEEDED].some((code) => code === error.code)) throw error;
        refused += 1;
      });
    }
  }));
  return count / (performance.now() - started) * 1_000;
}

function requestOf(rows: number, modelName: string): inference.ModelInferRequest {
  const { inputs, ...request } = inferRequest(question);
  return { ...request, modelName, inputs: inputs.map((input) => ({
    ...input, shape: [rows], contents: Object.fromEntries(Object.entries(input.contents!).map(([name, values]) => [name, values.length === 0 ? [] : Array.from({ length: rows }, () => values[0] as never)])) as never,
  })) };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rhei-serving-bench-'));
  const databases = await openDurableDatabases([...serviceNames]);
  const tokens = makeTokens(join(folder, 'principals.json'));
  const own = Object.fromEntries(serviceNames.flatMap((name) => [[`${name.toUpperCase()}_DATABASE_URL`, databases.of(name).url], [`${name.toUpperCase()}_EVENT_LOG`, databases.logUrl(name)], [`${name.toUpperCase()}_TOKEN`, tokens[name]]]));
  const [server, echoes] = [start('platform', { HTTP_PORT: '0', GRPC_PORT: '0', LOG_LEVEL: 'warn', PRINCIPALS: join(folder, 'principals.json'), BLOBS: `file:${join(folder, 'blobs')}`, CLOCK: 'system', ...own }), start('echo')];
  try {
    const [{ grpc }, echoAt] = await Promise.all([heard<{ grpc: string }>(server), heard<{ grpc: string; http2: string }>(echoes)]);
    const token = (name: string): string => tokens[name];
    const [call, toEcho] = [caller({ grpc, token }), caller({ grpc: echoAt.grpc, token })];
    const session = connect(echoAt.http2);
    const resources = exampleResources();
    resources.push({ kind: 'Deployment', name: 'later', specJson: JSON.stringify({ model: 'flight-late', featureSet: 'flight-lateness', ledger: 'async' }), version: 0 });
    await applyExample(call, resources);
    server.send('register');
    const digest = await heard<string>(server);
    await eventually('the version is approved', () => call.call(registry.RegistryServiceClient, 'approveVersion', { model: 'flight-late', version: 1, digest, comment: '' }, { as: 'reviewer' }), 20_000);
    await eventually('it answers', async () => ((await call.call(serving.ServingServiceClient, 'listDeployments', {})) as serving.ListDeploymentsResponse).deployments.every(({ liveVersion }) => liveVersion === 1), 20_000);

    const http2Echo = (bytes: Uint8Array) => new Promise<void>((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': '/', 'content-type': 'application/grpc' });
      stream.on('data', () => undefined).on('end', resolve).on('error', reject);
      stream.end(bytes);
    });
    for (const [size, rows] of Object.entries(rowsOf)) {
      const infer = (on: typeof call, name: string) => () => on.call(inference.GRPCInferenceServiceClient, 'modelInfer', requestOf(rows, name), { as: 'admin' });
      const bytes = inference.ModelInferRequest.encode(requestOf(rows, 'departures')).finish();
      const measured: Record<string, () => Promise<number>> = {
        'grpc-js echo': () => rate(infer(toEcho, 'departures')), 'http2 echo': () => rate(() => http2Echo(bytes)),
        'serving, ledger sync': () => rate(infer(call, 'departures')), 'serving, ledger async': () => rate(infer(call, 'later')),
        'onnxruntime loop': async () => { server.send(rows); return heard<number>(server); },
      };
      const found = new Map(Object.keys(measured).map((name) => [name, [] as number[]]));
      for (let round = 0; round <= rounds; round += 1) {
        // The first round warms up.
        for (const [name, measure] of Object.entries(measured)) found.get(name)!.push(await measure());
        if (round === 0) found.forEach((values) => values.splice(0));
      }
      const base = median(found.get('grpc-js echo')!);
      for (const [name, values] of found) console.log(`${size === 'one' ? 'one row     ' : 'hundred rows'}  ${name.padEnd(22)} ${median(values).toFixed(0).padStart(7)} a second${name === 'grpc-js echo' ? '' : `, ${(median(values) / base).toFixed(3)} of the grpc-js echo`}`);
    }
    if (refused > 0) console.log(`${refused} calls were refused with a delay, or not answered in time`);
    session.close();
    call.close();
    toEcho.close();
  } finally {
    for (const child of [server, echoes]) child.kill('SIGKILL');
    await databases.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const role = process.argv[2];
void (role === 'platform' ? platform() : role === 'echo' ? echo() : main()).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
