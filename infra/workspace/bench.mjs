// `npm run bench -- NAME`: a measurement by name. `npm run bench` lists them.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { build, environment, node, root } from './prepare.mjs';

const benches = {
  story: { what: 'a whole story in an empty folder (--rows N, --story FILE): events a second, and where the time goes', run: () => measure('apps', 'platform', 'src', 'story.bench.ts') },
  idle: { what: 'start of the built platform on the data folder (--data DIR, default .rhei), and its memory after 60 s of nothing to do', run: idle },
  messaging: { what: 'outbox to inbox over the log in Postgres; then on Kafka (Docker, or BENCH_KAFKA=kafka://… of a broker for benchmarks alone) against the bare client', run: messaging },
  join: { what: 'the point-in-time join of a training set against ASOF joins of DuckDB that are written by hand, over the same Parquet', run: () => measure('apps', 'feature', 'src', 'training-set', 'join.bench.ts') },
  drift: { what: '100,000 rows × 20 columns through our binning and whole-day test against NumPy and SciPy (PYTHON: an interpreter that has them), interleaved', run: () => measure('libs', 'statistics', 'src', 'drift.bench.ts') },
  ingestion: { what: 'events a second through the HTTP door (validated, deduplicated, durable) against \\copy of the same rows', run: () => measure('apps', 'ingestion', 'src', 'ingestion.bench.ts') },
  serving: { what: 'answers a second, one row and a hundred, ledger sync and async, against a bare grpc-js echo, a bare http2 echo and a bare onnxruntime loop', run: () => measureServices('apps', 'platform', 'src', 'serving.bench.ts') },
  tracing: { what: 'what a span costs: processor time of a piece of work without tracing, with it, and where no trace is kept', run: () => measure('libs', 'runtime', 'src', 'tracing.bench.ts') },
};
const name = process.argv[2];
if (!Object.hasOwn(benches, name ?? '')) {
  console.log(Object.entries(benches).map(([bench, { what }]) => `  npm run bench -- ${bench.padEnd(10)} ${what}`).join('\n'));
  process.exit(name === undefined ? 0 : 2);
}
build();
await benches[name].run();

/** Runs a measurement from its source, with the words that follow its name. */
function measure(...file) {
  return runFrom(join(root, 'libs', 'messaging', 'spec', 'register.cjs'), join(root, ...file));
}

/** The same for one that runs services from their sources. */
function measureServices(...file) {
  return runFrom(join(root, 'libs', 'testing', 'cluster', 'register.cjs'), join(root, ...file));
}

async function runFrom(register, file) {
  const bench = spawn(node(), ['-r', register, file, ...process.argv.slice(3)], {
    stdio: 'inherit', env: environment({ TESTCONTAINERS_RYUK_DISABLED: process.env.TESTCONTAINERS_RYUK_DISABLED ?? 'true' }),
  });
  process.exitCode ||= await new Promise((end) => bench.on('exit', end));
}

async function idle() {
  const at = process.argv.indexOf('--data');
  const data = resolve(process.env.INIT_CWD ?? root, at >= 0 ? process.argv[at + 1] : '.rhei');
  const birth = join(data, 'birth.json');
  const empty = existsSync(birth) && JSON.parse(readFileSync(birth, 'utf8')).clock === 'system' ? ['--empty'] : [];
  const started = performance.now();
  const platform = spawn(node(), ['--max-semi-space-size=16', join(root, 'apps', 'platform', 'dist', 'main.js'), '--data', data, ...empty], { stdio: 'ignore', env: environment({ HTTP_PORT: '0', GRPC_PORT: '0' }) });
  while (!existsSync(join(data, 'platform.json')) || JSON.parse(readFileSync(join(data, 'platform.json'), 'utf8')).pid !== platform.pid) await pause(20);
  const seconds = (performance.now() - started) / 1000;
  await pause(60_000);
  const { memoryOfTree } = createRequire(import.meta.url)(join(root, 'apps', 'platform', 'dist', 'memory.js'));
  const bytes = memoryOfTree(platform.pid);
  platform.kill('SIGTERM');
  await new Promise((end) => platform.on('exit', end));
  console.log(JSON.stringify({ startSeconds: Number(seconds.toFixed(2)), idleMegabytes: Math.round(bytes / 1e6) }));
}

async function messaging() {
  await measure('libs', 'testing', 'src', 'round-trip.bench.ts');
  if (process.env.BENCH_KAFKA || spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0) await measure('libs', 'messaging', 'src', 'kafka.bench.ts');
  else console.log('Kafka is not measured: Docker does not answer, and BENCH_KAFKA names no broker.');
}
