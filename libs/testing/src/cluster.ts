import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serviceNames } from '@rhei/contracts';
import { EmbeddedCluster, pause, startCluster } from '@rhei/runtime';

/** Password of the roles `rhei_<service>`; the cluster listens on loopback and lives as long as the run. */
export const ROLE_PASSWORD = 'for-tests-only';

let opened: Promise<EmbeddedCluster> | undefined;

/** The one PostgreSQL of this run of jest. The first spec that asks starts it; the teardown of jest.preset.cjs ends it. */
export const testCluster = (): Promise<EmbeddedCluster> => (opened ??= open());

async function open(): Promise<EmbeddedCluster> {
  const folder = process.env['RHEI_TEST_CLUSTER'] ?? mkdtempSync(join(tmpdir(), 'rhei-test-'));
  const started = join(folder, 'started.json');
  const lock = join(folder, 'starting');
  for (;;) {
    if (existsSync(started)) {
      const { port, password, pid } = JSON.parse(readFileSync(started, 'utf8')) as { port: number; password: string; pid: number };
      return new EmbeddedCluster(join(folder, 'cluster'), port, password, pid, true);
    }
    if (takes(lock)) return begin(folder, started).finally(() => rmSync(lock, { force: true }));
    await pause(50);
  }
}

async function begin(folder: string, started: string): Promise<EmbeddedCluster> {
  const cluster = await startCluster({ folder: join(folder, 'cluster'), fast: true, maxConnections: 400 });
  watch(folder, cluster.pid);
  for (const name of serviceNames) await cluster.createRole(`rhei_${name}`, ROLE_PASSWORD);
  const { password } = new URL(cluster.adminUrl());
  writeFileSync(`${started}.tmp`, JSON.stringify({ port: cluster.port, password: decodeURIComponent(password), pid: cluster.pid }));
  renameSync(`${started}.tmp`, started);
  return cluster;
}

/** Two workers may ask at once; a lock that its owner left behind counts for a minute. */
function takes(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx'));
    return true;
  } catch {
    try {
      if (Date.now() - statSync(lock).mtimeMs > 60_000) rmSync(lock, { force: true });
    } catch {
      // Its owner has just removed it.
    }
    return false;
  }
}

/** A run that is killed has no teardown: a small process notices, ends the cluster and removes the folder. */
function watch(folder: string, pid: number): void {
  const runner = process.env['RHEI_TEST_RUNNER'] ?? String(process.pid);
  const script = `while kill -0 ${runner} 2>/dev/null && kill -0 ${pid} 2>/dev/null; do sleep 2; done; kill -QUIT ${pid} 2>/dev/null; sleep 1; rm -rf "$1"`;
  spawn('/bin/sh', ['-c', script, 'sh', folder], { detached: true, stdio: 'ignore' }).unref();
}
