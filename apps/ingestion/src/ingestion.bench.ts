/**
 * Events a second through the real door (HTTP batches into the built service: validated, deduplicated, durable when it
 * answers) against `\copy` of the same rows into one table of the same database, in rounds that take turns; medians.
 * Run: npm run bench -- ingestion
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type Connection, type Submittable } from 'pg';
import { runtime } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { makeTokens, openDurableDatabases } from '@rhei/testing';
import { connect, call } from '@rhei/runtime';
import { processorOf, processorOfServer } from '../spec/processor-time';
import { Replica } from '../spec/replica';

const size = { events: 40_000, batch: 1_000, requests: 8 };
const rounds = 5;
const spec = {
  owner: 'sales', events: { placed: {
    key: 'data.customer',
    schema: {
      type: 'object', additionalProperties: false, required: ['order', 'customer', 'origin', 'amount', 'placed'],
      properties: { order: { type: 'string', minLength: 1 }, customer: { type: 'string' }, origin: { type: 'string', minLength: 3, maxLength: 3 }, amount: { type: 'number' }, placed: { type: 'string', format: 'date-time' } },
    },
    expect: [{ rule: 'data.amount > 0.0 && data.amount < 10000.0', hint: 'amount is in euros' }],
  } },
};

/** The events of one round as batches of JSON. */
const batchesOf = (round: number): string[] => Array.from({ length: size.events / size.batch }, (_, batch) => JSON.stringify(Array.from({ length: size.batch }, (__, index) => {
  const at = batch * size.batch + index;
  const time = new Date(Date.UTC(2001, 0, 1) + at * 1_000).toISOString();
  return { specversion: '1.0', source: 'till', id: `r${round}-${at}`, type: 'placed', time, data: { order: `r${round}-${at}`, customer: `c${at % 5_000}`, origin: 'ABC', amount: (at % 9_999) + 0.5, placed: time } };
})));

/** A COPY from the client, as psql's `\copy` does it. */
class CopyIn implements Submittable {
  readonly done: Promise<void>;
  private finish!: (error?: Error) => void;

  constructor(private readonly sql: string, private readonly chunks: Buffer[]) {
    this.done = new Promise((resolve, reject) => (this.finish = (error) => (error === undefined ? resolve() : reject(error))));
  }
  submit(connection: Connection): void {
    connection.query(this.sql);
  }
  handleCopyInResponse(connection: Connection & { sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void }): void {
    for (const chunk of this.chunks) connection.sendCopyFromChunk(chunk);
    connection.endCopyFrom();
  }
  handleCommandComplete(): void {}
  handleError(error: Error): void {
    this.finish(error);
  }
  handleReadyForQuery(): void {
    this.finish();
  }
}

interface Spent {
  milliseconds: number;
  /** Processor seconds of the service and of the database server. */
  service: number;
  server: number;
  /** And of this process, which sends. */
  client: number;
}
const ownSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const noTime = { service: () => 0, server: () => 0 };
async function timed(act: () => Promise<unknown>, { service, server } = noTime): Promise<Spent> {
  const [started, ofService, ofServer, own] = [performance.now(), service(), server(), ownSeconds()];
  await act();
  return { milliseconds: performance.now() - started, service: service() - ofService, server: server() - ofServer, client: ownSeconds() - own };
}
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const medianOf = (spent: Spent[]): Spent => ({ milliseconds: median(spent.map((one) => one.milliseconds)), service: median(spent.map((one) => one.service)), server: median(spent.map((one) => one.server)), client: median(spent.map((one) => one.client)) });
const each = (seconds: number): string => `${(seconds / size.events * 1e6).toFixed(0)} µs`;
const perSecond = ({ milliseconds }: Spent): number => Math.round(size.events / milliseconds * 1_000);

async function publish(url: string, token: string, batches: string[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: size.requests });
  const left = batches.values();
  const send = (body: string) => new Promise<void>((resolve, reject) => {
    const sent = request(`${url}/ingestion/events`, { agent, method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/cloudevents-batch+json', 'content-length': Buffer.byteLength(body) } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => {
        const refused = response.statusCode !== 200 || (JSON.parse(text) as { status: string }[]).some(({ status }) => status !== 'accepted');
        if (refused) reject(new Error(`Not all of a batch was accepted: ${text.slice(0, 300)}`));
        else resolve();
      });
    }).on('error', reject);
    sent.end(body);
  });
  await Promise.all(Array.from({ length: size.requests }, async () => {
    for (const body of left) await send(body);
  }));
  agent.destroy();
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rhei-ingestion-bench-'));
  const databases = await openDurableDatabases(['ingestion']);
  const tokens = makeTokens(join(folder, 'principals.json'));
  const { url } = databases.of('ingestion');
  const service = await Replica.start({
    PRINCIPALS: join(folder, 'principals.json'), BLOBS: `file:${join(folder, 'blobs')}`, CLOCK: 'system', INGESTION_QUEUE_EVENTS: '10000', INGESTION_DATABASE_URL: url, INGESTION_EVENT_LOG: databases.logUrl('ingestion'), INGESTION_TOKEN: tokens['ingestion'],
  });
  const client = new Client(url);
  try {
    const resources = connect(runtime.ResourceServiceClient, service.grpc, tokens['dev']);
    await call(resources, 'applyResources', { service: 'ingestion', resources: [{ kind: 'Source', name: 'till', specJson: canonicalJson(spec), version: 0 }] }, { deadline: 10_000 });
    resources.close();
    await client.connect();
    const { rows: [{ pid }] } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const clocks = process.platform === 'linux' ? { service: () => processorOf(service.pid), server: () => processorOfServer(pid) } : noTime;
    const copied = async (table: string, chunks: Buffer[]): Promise<Spent> => {
      await client.query(`TRUNCATE ${table}`);
      return timed(async () => {
        const copy = new CopyIn(`COPY ${table} FROM STDIN`, chunks);
        client.query(copy);
        await copy.done;
      }, clocks);
    };
    await client.query('CREATE TABLE keyed (LIKE record INCLUDING DEFAULTS, PRIMARY KEY (source, id)); CREATE TABLE bare (LIKE record INCLUDING DEFAULTS)');
    const times = { door: [] as Spent[], keyed: [] as Spent[], bare: [] as Spent[] };
    for (let round = 0; round <= rounds; round++) {
      const batches = batchesOf(round);
      const door = await timed(() => publish(service.http, tokens['admin'], batches), clocks);
      // The very rows that the door has made.
      const { rows } = await client.query<{ line: string }>(`SELECT replace(replace(concat_ws(E'\\t', source, id, type, key, shard, event_time, arrival, arrival_basis, recorded_at, subject, data, content_digest, revision, supersedes, traceparent, identity, withdrawn, mended_by), E'\\\\', E'\\\\\\\\'), E'\\n', '') AS line FROM record WHERE id LIKE $1`, [`r${round}-%`]);
      const chunks = rows.reduce<string[][]>((all, { line }, at) => (at % 1_000 === 0 ? [...all, [line]] : (all[all.length - 1].push(line), all)), []).map((lines) => Buffer.from(`${lines.join('\n')}\n`));
      const [keyed, bare] = [await copied('keyed', chunks), await copied('bare', chunks)];
      // The first round warms up what all of them use.
      if (round === 0) continue;
      times.door.push(door);
      times.keyed.push(keyed);
      times.bare.push(bare);
    }
    const [door, keyed, bare] = [medianOf(times.door), medianOf(times.keyed), medianOf(times.bare)];
    console.log(`${size.events} events in batches of ${size.batch}, ${size.requests} requests at once; PostgreSQL with fsync on; medians of ${rounds} rounds that take turns`);
    console.log(`  through the door     ${perSecond(door)} events/s; processor per event: service ${each(door.service)}, database ${each(door.server)}, client ${each(door.client)}`);
    for (const [what, copy] of [['\\copy, primary key  ', keyed], ['\\copy, no index     ', bare]] as const) {
      console.log(`  ${what} ${perSecond(copy)} rows/s; processor per row: database ${each(copy.server)}; the door reaches ${(copy.milliseconds / door.milliseconds).toFixed(2)} of it`);
    }
  } finally {
    await client.end();
    await service.end('SIGTERM');
    await databases.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
void main();
