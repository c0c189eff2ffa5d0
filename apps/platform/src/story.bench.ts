/**
 * The whole loop: a story in an empty folder, how many records a second it takes in, and where the time goes: by phase of the
 * driver, by process, and in the database by service.
 * Run: npm run bench -- story [--rows 10000] [--story FILE]
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { serviceNames } from '@rhei/contracts';
import { Client } from 'pg';

interface Told {
  rows: number;
  counts: { sent: number; predictions: number };
  seconds: { total: number; by: Record<string, number> };
}

/** /proc counts in hundredths of a second. */
const TICK = 0.01;

/** Processor seconds of a process: its own, and those of the children that it has waited for. */
function processorOf(pid: number): { parent: number; own: number; children: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
  return { parent: fields[1], own: (fields[11] + fields[12]) * TICK, children: (fields[13] + fields[14]) * TICK };
}

/** Of the database server: the processes that live now, and those that have ended. */
function processorOfServer(folder: string): number {
  const postmaster = Number(readFileSync(join(folder, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  const living = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).flatMap((entry) => {
    try {
      const { parent, own } = processorOf(Number(entry));
      return parent === postmaster ? [own] : [];
    } catch {
      return [];
    }
  });
  const { own, children } = processorOf(postmaster);
  return [own, children, ...living].reduce((sum, one) => sum + one, 0);
}

/** Seconds in which sessions ran statements, by database: PostgreSQL's own count. */
async function inDatabases(folder: string): Promise<Record<string, number>> {
  const { port } = JSON.parse(readFileSync(join(folder, 'postgres', 'cluster.json'), 'utf8')) as { port: number };
  const secrets = JSON.parse(readFileSync(join(folder, 'secrets.json'), 'utf8')) as Record<string, string>;
  const client = new Client({ host: '127.0.0.1', port, user: 'rhei_serving', password: secrets['postgres.serving'], database: 'serving' });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; seconds: number }>(
      'SELECT datname AS name, active_time / 1000 AS seconds FROM pg_stat_database WHERE datname = ANY($1) ORDER BY active_time DESC', [[...serviceNames, 'log']]);
    return Object.fromEntries(rows.map(({ name, seconds }) => [name, rounded(seconds)]));
  } finally {
    await client.end();
  }
}

const rounded = (value: number): number => Math.round(value * 10) / 10;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rows: { type: 'string', default: '10000' }, story: { type: 'string' } } });
  const folder = mkdtempSync(join(tmpdir(), 'rhei-bench-'));
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  const platform = spawn(process.execPath, [
    '--max-semi-space-size=16', join(__dirname, '..', 'dist', 'main.js'), '--data', data, '--rows', values.rows, ...(values.story === undefined ? [] : ['--story', values.story]),
  ], { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, HTTP_PORT: '0', GRPC_PORT: '0' } });
  try {
    const report = join(data, 'report.json');
    // The platform adds what only it can measure to the driver's report: then the story is over.
    while (!existsSync(report) || !/"memoryBytes": \d/.test(readFileSync(report, 'utf8'))) {
      if (platform.exitCode !== null) throw new Error(`The platform ended with ${platform.exitCode}; what it said stands above.`);
      await pause(200);
    }
    const { rows, counts, seconds } = JSON.parse(readFileSync(report, 'utf8')) as Told;
    const { own, children } = processorOf(platform.pid!);
    console.log(JSON.stringify({
      machine: `${cpus().length} cores, Node ${process.version}`, rows, events: counts.sent, predictions: counts.predictions, seconds: rounded(seconds.total),
      eventsPerSecond: Math.round(counts.sent / seconds.total), millisecondsPerRow: rounded((1000 * seconds.total) / rows * 10) / 10,
      secondsByPhase: Object.fromEntries(Object.entries(seconds.by).map(([phase, spent]) => [phase, rounded(spent)])),
      processorSeconds: { platform: rounded(own), 'driver and runs': rounded(children), 'database server': rounded(processorOfServer(data)) },
      secondsInDatabase: await inDatabases(data),
    }, null, 2));
  } finally {
    platform.kill('SIGTERM');
    if (platform.exitCode === null) await new Promise((end) => platform.on('exit', end));
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
