// `npm run images [-- SERVICE…]`: builds rhei/<service>:dev for all services, or for those that are named, and says how large they are.
import { spawnSync } from 'node:child_process';
import { root } from './prepare.mjs';

const base = process.env.NODE_IMAGE ?? 'node:24-bookworm-slim';
const tag = process.env.RHEI_TAG ?? 'dev';
// The command line is an image too: compose makes the topics with it.
const all = ['ingestion', 'feature', 'training', 'registry', 'serving', 'monitoring', 'cli'];
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`There is no image of ${unknown.join(', ')}: expected some of ${all.join(', ')}.`);
  process.exit(2);
}

const docker = (...args) => spawnSync('docker', args, { cwd: root, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
const daemon = docker('info', '--format', '{{.ServerVersion}}');
if (daemon.status !== 0) {
  console.error(`Docker does not answer: ${(daemon.error?.message ?? daemon.stderr).trim()}`);
  process.exit(1);
}
const git = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' });
const revision = git.status === 0 ? git.stdout.trim() : 'unknown';
const bytes = (image) => Number(docker('image', 'inspect', '--format', '{{.Size}}', image).stdout || 0);
const megabytes = (size) => `${Math.round(size / 1e6)} MB`;

const started = performance.now();
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(0)} s`;
for (const app of asked.length > 0 ? asked : all) {
  const image = `rhei/${app}:${tag}`;
  const begin = performance.now();
  if (process.stderr.isTTY) process.stderr.write(`${image} …`);
  const built = docker('build', '--build-arg', `APP=${app}`, '--build-arg', `NODE_IMAGE=${base}`, '--build-arg', `REVISION=${revision}`, '--tag', image, '.');
  if (built.status !== 0) {
    const said = `${built.stdout}\n${built.stderr}`.trim().split('\n').slice(-60).join('\n');
    console.error(`\n${image} failed after ${seconds(begin)}.\n${said}\n\nThe image of ${app} could not be built.`);
    process.exit(1);
  }
  process.stderr.write(`${process.stderr.isTTY ? '\r' : ''}${image.padEnd(22)} ${seconds(begin).padStart(6)} ${megabytes(bytes(image)).padStart(8)}, ${megabytes(bytes(image) - bytes(base))} above ${base}\n`);
}
console.error(`Built in ${seconds(started)}.`);
