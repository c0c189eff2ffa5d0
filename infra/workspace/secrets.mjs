// `npm run secrets [-- --dir DIR] [--story FILE] [--host ADDRESS]`: makes what docker-compose.yml needs and nobody may know:
// passwords, tokens and principals. Run again, it adds what is missing and changes nothing.
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, root } from './prepare.mjs';

const help = `Makes passwords, tokens and principals for "docker compose up", in a folder that only you can open.

  npm run secrets
  npm run secrets -- --dir .rhei-stage --host 127.0.0.2    for a second set of containers on this machine

Options
  --dir DIR        the folder (default: .rhei-compose; compose finds another one by RHEI_SECRETS)
  --story FILE     whose people become principals (default: examples/flights/story.yaml)
  --host ADDRESS   where the containers' ports are published (default: 127.0.0.1; compose finds another one by BIND)
`;
const { values } = parseArgs({ options: { dir: { type: 'string', default: '.rhei-compose' }, story: { type: 'string' }, host: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
if (values.help) {
  process.stdout.write(help);
  process.exit(0);
}
const from = process.env.INIT_CWD ?? root;
const folder = resolve(from, values.dir);
const story = resolve(from, values.story ?? join(root, 'examples', 'flights', 'story.yaml'));
build();
const require = createRequire(import.meta.url);
const { serviceNames } = require('@rhei/contracts');
const { createPrincipals } = require('@rhei/runtime');
const { readStoryStart } = require(join(root, 'apps', 'platform', 'dist', 'story-file.js'));

const made = [];
const file = (name) => join(folder, name);
const read = (name) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : undefined);

/** Whole or not at all. */
function write(name, text, mode) {
  if (dirname(name) !== '.') {
    mkdirSync(file(dirname(name)), { recursive: true });
    chmodSync(file(dirname(name)), 0o755);
  }
  writeFileSync(`${file(name)}.new`, text, { mode });
  chmodSync(`${file(name)}.new`, mode);
  renameSync(`${file(name)}.new`, file(name));
  made.push(name);
}

// A mounted file keeps owner and mode of the host, and the users of the containers (postgres, node, appuser) are strangers
// there. So what containers read is open to all inside a folder that nobody else on this host can enter.
const forContainers = 0o644;
const forYou = 0o600;
mkdirSync(folder, { recursive: true, mode: 0o700 });
chmodSync(folder, 0o700);

const password = (name) => read(name) ?? write(name, randomBytes(24).toString('base64url'), forContainers);
password('postgres/admin');
for (const service of serviceNames) password(`postgres/${service}`);
password('minio/root');

const { principals: people } = readStoryStart(story);
const publishers = people.filter(({ roles }) => roles.some((role) => role.startsWith('publisher:'))).map(({ name }) => name);
for (const user of ['admin', ...serviceNames, ...publishers]) password(`kafka/${user}`);

const tokens = JSON.parse(read('tokens.json') ?? '{}');
const missing = [
  { name: 'admin', kind: 'person', roles: ['admin'] },
  ...serviceNames.map((name) => ({ name, kind: 'service', roles: [`service:${name}`] })),
  ...people.map((person) => ({ ...person, kind: 'person' })),
].filter(({ name }) => tokens[name] === undefined);
if (missing.length > 0) {
  const created = createPrincipals(missing);
  Object.assign(tokens, created.tokens);
  write('tokens.json', `${JSON.stringify(tokens, null, 2)}\n`, forYou);
  // A folder of its own is mounted, not the file: a file that is replaced would stay the old one in the containers.
  const known = JSON.parse(read('principals/principals.json') ?? '[]').filter(({ name }) => created.tokens[name] === undefined);
  write('principals/principals.json', `${JSON.stringify([...known, ...created.stored], null, 2)}\n`, forContainers);
}
for (const service of serviceNames) if (read(`tokens/${service}`) !== tokens[service]) write(`tokens/${service}`, tokens[service], forContainers);

// Jaeger asks nobody who they are, so it stays on a loopback address.
const isLoopback = (host) => /^127\./.test(host);
if (values.host !== undefined || read('platform.json') === undefined) {
  const host = values.host ?? '127.0.0.1';
  const at = (port) => ({ http: `http://${host}:${port}`, grpc: `${host}:${port + 1}` });
  const services = Object.fromEntries(serviceNames.map((service, index) => [service, at(8080 + 100 * index)]));
  // Two replicas of serving: clients choose between their addresses.
  const replicas = [services.serving, at(8490)];
  services.serving = { http: replicas.map(({ http }) => http), grpc: replicas.map(({ grpc }) => grpc) };
  const text = `${JSON.stringify({ ...at(8080), services, jaeger: `http://${isLoopback(host) ? host : '127.0.0.1'}:16686` }, null, 2)}\n`;
  if (text !== read('platform.json')) write('platform.json', text, forYou);
}

const shown = relative(from, folder) || '.';
const data = shown === '.rhei-compose' ? '.rhei-compose' : shown;
const env = [...(data === '.rhei-compose' ? [] : [`RHEI_SECRETS=${folder}`]), ...(values.host === undefined || values.host === '127.0.0.1' ? [] : [`BIND=${values.host}`, ...(isLoopback(values.host) ? [`JAEGER_BIND=${values.host}`] : [])])].map((one) => `${one} `).join('');
console.log(`${made.length === 0 ? `${shown} is complete; nothing was changed.` : `Made in ${shown}: ${made.join(', ')}.`}

Tokens of persons and services are in ${join(shown, 'tokens.json')}; the containers know only their hashes. Next:
  npm run images
  ${env}docker compose up -d --wait
  npx --no rhei status --data ${data}`);
