import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { isAlive } from './alive';
import { pause } from './clock';
import { ConfigError } from './config';
import { leftoverBackends, postmasterOf } from './postgres-leftovers';
import { copyPostgres, findPostgres, type PostgresBinaries } from './postgres-binaries';

/** The user that runs the server where this process is root: PostgreSQL refuses to be root. */
const NOBODY = 65_534;
const PATIENCE = 30_000;

export interface ClusterOptions {
  /** Where the cluster lives; made when it is not there. */
  folder: string;
  /** Port to take; a free one is chosen (and kept) when it is not given. */
  port?: number;
  /** For tests: nothing is flushed to the disk, so a crash of the machine loses the cluster. */
  fast?: boolean;
  maxConnections?: number;
}

interface Kept {
  port: number;
  password: string;
}

/** A running PostgreSQL of this folder, started here or found running. */
export class EmbeddedCluster {
  private readonly stopping = new AbortController();
  private keeping: Promise<void> = Promise.resolve();

  constructor(readonly folder: string, readonly port: number, private readonly password: string, public pid: number, readonly adopted: boolean) {}

  /** Address for the superuser `rhei`. */
  adminUrl(database = 'postgres'): string {
    return this.urlFor('rhei', this.password, database);
  }

  urlFor(role: string, password: string, database: string): string {
    return `postgres://${encodeURIComponent(role)}:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${encodeURIComponent(database)}`;
  }

  /** Makes the role, or gives it this password. */
  async createRole(name: string, password: string): Promise<void> {
    await withClient(this.adminUrl(), async (client) => {
      const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
      await client.query(`${rowCount === 0 ? 'CREATE' : 'ALTER'} ROLE ${escapeIdentifier(name)} LOGIN PASSWORD ${escapeLiteral(password)}`);
    });
  }

  /** Makes the database unless it is there; only its owner may connect. */
  async createDatabase(name: string, owner?: string): Promise<void> {
    await withClient(this.adminUrl(), async (client) => {
      const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(name)}${owner ? ` OWNER ${escapeIdentifier(owner)}` : ''}`);
      await client.query(`REVOKE CONNECT ON DATABASE ${escapeIdentifier(name)} FROM PUBLIC`);
    });
  }

  async dropDatabase(name: string): Promise<void> {
    await withClient(this.adminUrl(), (client) => client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`));
  }

  /** Starts the server again, on the same port, whenever it ends without {@link stop}; `told` hears of it. */
  keepAlive(options: Omit<ClusterOptions, 'folder' | 'port'>, told: (message: string) => void = () => undefined): void {
    this.keeping = this.keep(options, told);
  }

  /** Ends the server: transactions are rolled back, everything that was committed stays. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.keeping;
    await endProcess(this.pid, 'SIGINT');
  }

  private async keep(options: Omit<ClusterOptions, 'folder' | 'port'>, told: (message: string) => void): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await pause(500, this.stopping.signal);
      if (this.stopping.signal.aborted || isAlive(this.pid)) continue;
      told('The embedded database server has ended without being told to; it is started again.');
      try {
        ({ pid: this.pid } = await startCluster({ ...options, folder: this.folder, port: this.port }));
      } catch (error) {
        told((error as Error).message);
        await pause(2_000, this.stopping.signal);
      }
    }
  }
}

/**
 * Starts the cluster of the folder, or adopts the server that runs on it already (left by a process that was killed).
 * @throws ConfigError when the folder cannot be used or the port is taken
 */
export async function startCluster({ folder, port, fast = false, maxConnections = 100 }: ClusterOptions): Promise<EmbeddedCluster> {
  prepareFolder(folder);
  const data = join(folder, 'data');
  const keptAt = join(folder, 'cluster.json');
  const kept = readKept(keptAt);
  if (kept && existsSync(join(data, 'PG_VERSION'))) {
    const adopted = await adopt(folder, data, kept);
    if (adopted) return adopted;
  }
  const settings = kept ?? { port: 0, password: randomBytes(24).toString('base64url') };
  let binaries = findPostgres();
  if (!existsSync(join(data, 'PG_VERSION'))) binaries = await initialize(folder, data, settings, binaries, fast);
  else if (!(await canRun(binaries))) binaries = copyPostgres(binaries, join(folder, 'postgres'));
  const chosen = port ?? ((settings.port !== 0 && (await isFree(settings.port))) ? settings.port : await freePort());
  if (port !== undefined && !(await isFree(port))) throw new ConfigError(`Port ${port} of the embedded database server is in use. Stop what uses it, or choose another port.`);
  writeKept(keptAt, { ...settings, port: chosen });
  const pid = await launch(folder, data, binaries, chosen, settings.password, fast, maxConnections);
  return new EmbeddedCluster(folder, chosen, settings.password, pid, false);
}

async function adopt(folder: string, data: string, kept: Kept): Promise<EmbeddedCluster | undefined> {
  const found = postmasterOf(data);
  if (!found) return undefined;
  const cluster = new EmbeddedCluster(folder, found.port, kept.password, found.pid, true);
  const until = performance.now() + PATIENCE;
  while (isAlive(found.pid)) {
    if (await answers(cluster.adminUrl())) {
      writeKept(join(folder, 'cluster.json'), { ...kept, port: found.port });
      return cluster;
    }
    if (performance.now() > until) {
      // It does not come up and does not end: it is ended, which loses nothing that was committed.
      await endProcess(found.pid, 'SIGINT');
      return undefined;
    }
    await pause(100);
  }
  return undefined;
}

async function initialize(folder: string, data: string, settings: Kept, binaries: PostgresBinaries, fast: boolean): Promise<PostgresBinaries> {
  // What a start that was killed half-way has left has no PG_VERSION, or is not finished: it is made from nothing.
  const building = join(folder, 'data.new');
  rmSync(building, { recursive: true, force: true });
  mkdirSync(building, { mode: 0o700 });
  own(building);
  const passwordFile = join(building, '..', 'initial-password');
  writeFileSync(passwordFile, settings.password, { mode: 0o600 });
  own(passwordFile);
  const usable = (await canRun(binaries)) ? binaries : copyPostgres(binaries, join(folder, 'postgres'));
  try {
    await promisify(execFile)(usable.initdb, ['-D', building, '--username=rhei', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--locale=C', '--encoding=UTF8',
      ...(fast ? ['--no-sync'] : [])], { ...asNobody(), env: environment(), cwd: building });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new ConfigError(`The embedded database server could not be set up in ${folder}: ${(stderr || (error as Error).message).trim()}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(building, data);
  return usable;
}

async function launch(folder: string, data: string, { postgres }: PostgresBinaries, port: number, password: string, fast: boolean, maxConnections: number): Promise<number> {
  const log = join(folder, 'postgres.log');
  const settings: Record<string, string | number> = {
    listen_addresses: '127.0.0.1', port, unix_socket_directories: '', max_connections: maxConnections, shared_buffers: fast ? '64MB' : '128MB',
    jit: 'off', max_wal_size: '1GB', deadlock_timeout: '200ms', log_min_messages: 'warning', password_encryption: 'scram-sha-256',
    // Commits are still written out, so that a server which is killed loses nothing: only the machine's crash would.
    ...(fast && { fsync: 'off', full_page_writes: 'off', autovacuum_naptime: '30s' }),
  };
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  for (let attempt = 1; ; attempt += 1) {
    const output = openSync(log, 'w', 0o600);
    // In a group of its own: Ctrl-C in the terminal ends the platform, which then ends the server in its turn.
    const child = spawn(postgres, args, { ...asNobody(), env: environment(), cwd: data, detached: true, stdio: ['ignore', output, output] });
    closeSync(output);
    let ended: string | undefined;
    child.once('error', (error) => (ended = error.message));
    child.once('exit', (code, signal) => (ended = `exit ${code ?? signal}`));
    child.unref();
    const until = performance.now() + PATIENCE;
    const url = new EmbeddedCluster(folder, port, password, child.pid ?? 0, false).adminUrl();
    while (ended === undefined && performance.now() < until) {
      if (await answers(url)) return child.pid as number;
      await pause(25);
    }
    const said = readFileSync(log, 'utf8').trim();
    if (ended === undefined) await endProcess(child.pid as number, 'SIGQUIT');
    if (!/pre-existing shared memory block/.test(said) || attempt >= 20) {
      throw new ConfigError(`The embedded database server in ${folder} did not start (${ended ?? `not ready after ${PATIENCE / 1000} s`}): ${said || 'it said nothing'}`);
    }
    // A killed server's backends may outlive it. They end by themselves, most times; those that do not are ended.
    await pause(500);
    if (attempt >= 4) for (const pid of leftoverBackends(realpathSync(data))) await endProcess(pid, 'SIGQUIT');
  }
}

async function endProcess(pid: number, signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
  const send = (name: NodeJS.Signals) => {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended meanwhile.
    }
  };
  send(signal);
  for (let waited = 0; isAlive(pid) && waited < PATIENCE; waited += 20) {
    if (waited === 10_000) send('SIGQUIT');
    await pause(20);
  }
}

function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    // The server's user must be able to walk through to its data; it cannot list what is here.
    if (isRoot()) {
      chmodSync(folder, 0o711);
      const closed = closedTo(folder);
      if (closed !== undefined) {
        throw new ConfigError(`The embedded database server cannot run in ${folder}: this process is root, so the server runs as user ${NOBODY}, which may not enter ${closed}. `
          + `Run "chmod o+x ${closed}", start as another user than root, or choose another folder.`);
      }
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`The data folder ${folder} cannot be written (${(error as NodeJS.ErrnoException).code}). Change its owner, or choose another folder.`);
  }
}

/** The first folder on the way that others may not enter. */
function closedTo(folder: string): string | undefined {
  const way: string[] = [];
  for (let place = realpathSync(folder); place !== dirname(place); place = dirname(place)) way.unshift(place);
  return way.find((place) => (statSync(place).mode & 0o001) === 0);
}

/** Fails where this checkout is below a folder that the server's user may not enter. */
async function canRun({ initdb }: PostgresBinaries): Promise<boolean> {
  return promisify(execFile)(initdb, ['--version'], { ...asNobody(), env: environment(), cwd: '/' }).then(() => true, () => false);
}

async function answers(url: string): Promise<boolean> {
  try {
    await withClient(url, (client) => client.query('SELECT 1'));
    return true;
  } catch {
    return false;
  }
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const isRoot = (): boolean => process.getuid?.() === 0;
const asNobody = () => (isRoot() ? { uid: NOBODY, gid: NOBODY } : {});
const own = (path: string): void => {
  if (isRoot()) chownSync(path, NOBODY, NOBODY);
};
const environment = () => ({ PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' });

function readKept(path: string): Kept | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Kept) : undefined;
}

function writeKept(path: string, kept: Kept): void {
  writeFileSync(`${path}.tmp`, JSON.stringify(kept), { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

function listenOn(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const { port: taken } = server.address() as { port: number };
      server.close(() => resolve(taken));
    });
  });
}

const isFree = async (port: number): Promise<boolean> => (await listenOn(port)) !== undefined;

async function freePort(): Promise<number> {
  const port = await listenOn(0);
  if (port === undefined) throw new ConfigError('No port of 127.0.0.1 could be taken for the embedded database server.');
  return port;
}
