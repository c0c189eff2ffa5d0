// Installs and builds what a command needs, and only when something changed. Uses nothing but Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const bin = join(root, 'node_modules', '.bin');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Rhei needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(2);
}

/** Runs a command in the workspace; ends this process with the same exit code when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: environment(), ...options });
  if (result.error) {
    console.error(`${command} could not be started: ${result.error.message}`);
    process.exit(1);
  }
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** The installed Node 24 comes first where its package is there; everything also runs on the Node that started this. */
export const environment = (more = {}) => ({ NX_DAEMON: 'false', ...process.env, PATH: `${bin}:${process.env.PATH}`, ...more });
export const node = () => (existsSync(join(bin, 'node')) ? join(bin, 'node') : process.execPath);

/** `npm ci`, when the lockfile is not the one that was installed. */
export function install() {
  const lock = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex');
  const mark = join(root, 'node_modules', '.rhei-installed');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return;
  console.error('Installing dependencies …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(mark, lock);
}

/** Compiles what changed. */
export function build() {
  install();
  console.error('Building …');
  run(node(), [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b']);
}
