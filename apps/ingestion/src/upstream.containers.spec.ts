import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudEvent, Kafka } from 'cloudevents';
import { ingestion, runtime } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { applyTopics } from '@rhei/messaging';
import { call, connect } from '@rhei/runtime';
import { eventually, makeTokens, openDatabase, startKafka, type KafkaContainer, type TestDatabase } from '@rhei/testing';
import { Replica } from '../spec/replica';
import { fromPackage, plain, type Written } from '../spec/topic-writer';
import { IngestionModule } from './index';
import { listQuarantine } from './quarantine.store';

jest.setTimeout(120_000);
const topic = 'upstream.airline';
const partitions = 3;
/** A tool of Kafka's own, in a container that reaches the broker as any other host does. */
const tool = ['run', '--rm', '-i', '--network', 'host', '--env', 'LC_ALL=C.UTF-8', process.env['KAFKA_IMAGE'] ?? 'apache/kafka:4.3.1'];
let count = 0;
const order = (more: object = {}, data: object = {}) => ({ specversion: '1.0', source: 'airline', id: `o${String((count += 1)).padStart(5, '0')}`, type: 'order.placed', time: '2001-01-01T00:00:00Z', data: { customer: `c${count % 17}`, amount: 1.5, ...data }, ...more });
const contract = {
  owner: 'sales', topic,
  events: { 'order.placed': { key: 'data.customer', schema: { type: 'object', required: ['customer', 'amount'], properties: { customer: { type: 'string' }, amount: { type: 'number' } } }, expect: [{ rule: 'data.amount > 0.0', hint: 'amounts are positive' }] } },
};

describe('a source that writes a topic of its own on Kafka', () => {
  let kafka: KafkaContainer;
  let database: TestDatabase;
  let folder: string;
  let tokens: Record<string, string>;
  let env: Record<string, string>;
  const replicas: (Replica & { http: string; grpc: string })[] = [];
  const start = async () => {
    const replica = await Replica.start(env);
    replicas.push(replica);
    return replica;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rhei-upstream-'));
    [kafka, database] = await Promise.all([startKafka({ KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '1000' }), openDatabase(IngestionModule)]);
    const url = `kafka://${kafka.broker}?session=3000`;
    await applyTopics({ url, upstream: [{ name: topic, partitions, writers: [] }] });
    tokens = makeTokens(join(folder, 'principals.json'));
    env = { CLOCK: 'system', EVENT_LOG: url, DATABASE_URL: database.url, BLOBS: `file:${join(folder, 'blobs')}`, PRINCIPALS: join(folder, 'principals.json'), TOKEN: tokens['ingestion'] };
    const { grpc } = await start();
    const client = connect(runtime.ResourceServiceClient, grpc, tokens['dev']);
    await call(client, 'applyResources', { service: 'ingestion', resources: [{ kind: 'Source', name: 'airline', specJson: canonicalJson(contract), version: 0 }] }, { deadline: 10_000 });
    client.close();
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.end('SIGKILL')));
    await kafka?.stop();
    await database?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  /** Writes with Kafka's own console producer: a client that shares nothing with us. */
  async function produce(records: Written[]): Promise<void> {
    const producer = spawn('docker', [...tool, '/opt/kafka/bin/kafka-console-producer.sh', '--bootstrap-server', kafka.broker, '--topic', topic,
      ...['parse.headers=true', 'parse.key=true', 'null.marker=NULL', 'headers.delimiter=|', 'key.separator=|', 'headers.separator=@@', 'headers.key.separator=~'].flatMap((property) => ['--reader-property', property])], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    producer.stdout.on('data', (text: Buffer) => (said += text.toString()));
    producer.stderr.on('data', (text: Buffer) => (said += text.toString()));
    producer.stdin.end(records.map(({ key, headers, value }) => `${Object.entries(headers).map(([name, text]) => `${name}~${text}`).join('@@')}|${key ?? 'NULL'}|${value?.toString() ?? 'NULL'}\n`).join(''));
    const [code] = (await once(producer, 'exit')) as [number];
    if (code !== 0 || /ERROR|Exception/.test(said)) throw new Error(`The console producer ended with ${code}: ${said}`);
  }
  const written = (): number => execFileSync('docker', [...tool, '/opt/kafka/bin/kafka-get-offsets.sh', '--bootstrap-server', kafka.broker, '--topic', topic], { encoding: 'utf8' })
    .trim().split('\n').reduce((sum, line) => sum + Number(line.split(':')[2]), 0);
  const taken = async (): Promise<number> => (await database.query<{ taken: number }>(`SELECT coalesce(sum(next), 0)::int AS taken FROM position WHERE consumer = 'ingestion.upstream' AND topic = $1`, [topic]))[0].taken;
  const caughtUp = async (): Promise<void> => {
    const all = written();
    await eventually(`all ${all} records are taken`, async () => (await taken()) === all, 60_000);
  };
  const ids = async () => (await database.query<{ id: string }>('SELECT id FROM record ORDER BY id')).map(({ id }) => id);
  const byHttp = async (event: object) => ((await (await fetch(`${replicas.at(-1)!.http}/ingestion/events`, {
    method: 'POST', headers: { authorization: `Bearer ${tokens['airline']}`, 'content-type': 'application/cloudevents+json' }, body: JSON.stringify(event),
  })).json()) as { status: string });

  it('is read as the package writes and as a plain client writes; what also comes by HTTP is taken once', async () => {
    const events = [order({ subject: 'größer' }), order(), order(), order()];
    const before = order();
    expect(await byHttp(before)).toMatchObject({ status: 'accepted' });
    await produce([
      fromPackage(Kafka.binary(new CloudEvent(events[0]))), fromPackage(Kafka.structured(new CloudEvent(events[1]))), plain.binary(events[2], 'k'), plain.structured(events[3]),
      plain.binary(before), plain.binary(events[2]), fromPackage(Kafka.structured(new CloudEvent(events[0]))),
    ]);
    await caughtUp();
    expect(await byHttp(events[3])).toMatchObject({ status: 'duplicate' });
    expect(await ids()).toEqual([...events, before].map(({ id }) => id).sort());
    expect(await database.query('SELECT subject FROM record WHERE id = $1', [events[0].id])).toEqual([{ subject: 'größer' }]);
    expect((await listQuarantine(database, { limit: 10 })).total).toBe(0);
  });

  it('never waits for poison, which is kept with where it stood and what it was', async () => {
    const known = await ids();
    const good = [order(), order()];
    const key = 'one partition';
    await produce([
      plain.binary(good[0], key),
      { key, headers: { 'content-type': 'text/csv', own: 'header' }, value: Buffer.from('1,2,3') },
      plain.binary(order({ source: 'bank' }), key), plain.binary(order({ type: 'order.eaten' }), key), plain.binary(order({}, { amount: -1 }), key),
      { ...plain.binary(order(), key), value: null }, { key, headers: { 'content-type': 'application/cloudevents+json' }, value: Buffer.from('{"id": "half') },
      plain.binary(good[1], key),
    ]);
    await caughtUp();
    expect(await ids()).toEqual([...known, ...good.map(({ id }) => id)].sort());
    const { events, total } = await listQuarantine(database, { limit: 10 });
    expect([total, events.map(({ code }) => code).sort()]).toEqual([6, ['forbidden', 'invalid', 'invalid', 'not_found', 'rejected', 'rejected']]);
    expect(new Set(events.map(({ stood }) => `${stood!.topic}/${stood!.partition}`)).size).toBe(1);
    expect(new Set(events.map(({ stood }) => stood!.offset)).size).toBe(6);
    expect(events.find(({ original }) => original.toString() === '1,2,3')).toMatchObject({ sender: `topic:${topic}`, headers: { own: Buffer.from('header') }, stood: { key: Buffer.from(key) } });
    const client = connect(ingestion.IngestionServiceClient, replicas[0].grpc, tokens['aud']);
    const listed = (await call(client, 'listQuarantine', { source: 'airline', type: '', code: '', state: '', limit: 10, after: '' }, { deadline: 5_000 })) as ingestion.ListQuarantineResponse;
    client.close();
    expect(listed.events.find(({ code }) => code === 'forbidden')).toMatchObject({ topic, field: 'source', position: expect.any(Number), headers: { ce_source: Buffer.from('bank') } });
  });

  it('loses nothing and has nothing taken twice when replicas are killed in the middle', async () => {
    const known = await ids();
    const quarantined = (await listQuarantine(database, { limit: 1 })).total;
    await start();
    const events = Array.from({ length: 6_000 }, () => order());
    const writing = (async () => {
      for (let from = 0; from < events.length; from += 1_500) await produce(events.slice(from, from + 1_500).map((event, index) => (index % 2 === 0 ? plain.binary(event, event.data.customer) : plain.structured(event, event.data.customer))));
    })();
    for (const share of [0.1, 0.35, 0.6]) {
      await eventually(`${share} are in`, async () => (await ids()).length - known.length >= share * events.length, 60_000);
      const [victim] = replicas.splice(0, 1);
      await victim.end('SIGKILL');
      await start();
    }
    await writing;
    await caughtUp();
    expect(await ids()).toEqual([...known, ...events.map(({ id }) => id)].sort());
    // What was said of them: each record in one event, and in one only.
    const said = (await database.query<{ payload: Buffer }>(`SELECT payload FROM outbox WHERE headers ->> 'ce_type' = 'rhei.ingestion.record-accepted.v1' ORDER BY id`))
      .flatMap(({ payload }) => ingestion.RecordAccepted.decode(payload).records.map(({ id }) => id)).sort();
    expect(said).toEqual(await ids());
    expect((await listQuarantine(database, { limit: 1 })).total).toBe(quarantined);
    expect(replicas.map(({ log }) => log).join('\n')).not.toMatch(/"level":"(error|fatal)"/);
  });
});
