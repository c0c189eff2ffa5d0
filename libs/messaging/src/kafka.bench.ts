/**
 * The log on Kafka against the bare client, in rounds that take turns: what the port, the relay and the inbox cost.
 * Run: npm run bench -- messaging (BENCH_KAFKA=kafka://… names a broker for benchmarks alone; else a container is started)
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { events, ingestion } from '@rhei/contracts';
import { openDurableDatabases, startKafka, type DurableDatabases } from '@rhei/testing';
import { bareConsume, bareLatency, bareProducer, bareSend } from '../spec/bare-kafka';
import { at, inTurns, median, seconds, tick } from '../spec/measure';
import { applyTopics } from './apply-topics';
import type { Delivered } from './delivered';
import type { Entry } from './event-log';
import type { Producer } from './kafka';
import { KafkaEventLog } from './kafka-event-log';
import { parseKafkaUrl } from './kafka-url';
import { append, type OutgoingEvent } from './outbox';
import { Relay } from './relay';
import { SharedConsumer } from './shared-consumer';
import type { Queryable } from './transaction';

const topic = 'ingestion.records' as const;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (about: object, message: string) => console.error(message, about) };

const payload = (() => {
  const make = (length: number) => ingestion.RecordAccepted.encode(ingestion.RecordAccepted.fromPartial({ shard: 0, watermark: 1, records: [{ source: 's', id: 'x'.repeat(length), type: 't', dataJson: '{}' }] })).finish();
  let length = 0;
  while (make(length).length < 200) length++;
  return Buffer.from(make(length));
})();
const headers = (): Record<string, string> => ({
  ce_specversion: '1.0', ce_id: randomUUID(), ce_source: '/rhei/ingestion', ce_type: events.RecordAccepted.type, ce_time: '2001-01-01T00:00:00.000000Z', ce_subject: '0', 'content-type': 'application/protobuf',
});
const entriesOf = (count: number): Entry[] => Array.from({ length: count }, () => ({ key: '0', headers: headers(), value: payload }));
const outgoing = (shard: number): OutgoingEvent => ({ eventName: 'RecordAccepted', key: shard, payload, time: 0 });

interface Line {
  what: string;
  bare: string;
  ours: string;
  ratio: number;
  target: string;
}

class Bench {
  readonly lines: Line[] = [];
  private readonly address;
  private readonly log: KafkaEventLog;
  private readonly hearerLog: KafkaEventLog;

  constructor(private readonly url: string, private readonly databases: DurableDatabases) {
    this.address = parseKafkaUrl(url);
    this.log = new KafkaEventLog({ url, service: 'ingestion', logger: silent, onFatal: console.error });
    this.hearerLog = new KafkaEventLog({ url, service: 'feature', logger: silent, onFatal: console.error });
  }

  async run(): Promise<void> {
    const producer = bareProducer(this.address);
    await producer.client.connect();
    await this.appends(producer.client, 500, 40);
    await this.appends(producer.client, 1, 600);
    await this.relays(producer.client);
    await this.consumes();
    await this.latency(producer.client);
    await producer.close();
    await this.idle();
    await Promise.all([this.log.close(), this.hearerLog.close()]);
  }

  /** The same messages, the same settings: what the port adds to each send. */
  private async appends(producer: Producer, size: number, sends: number): Promise<void> {
    const results = await inTurns(
      async () => {
        const batches = Array.from({ length: sends }, () => entriesOf(size));
        return size * sends / await seconds(() => bareSend(producer, topic, batches, 0));
      },
      async () => {
        const batches = Array.from({ length: sends }, () => entriesOf(size));
        return size * sends / await seconds(async () => { for (const batch of batches) await this.log.append(topic, 0, batch); });
      });
    this.note(`append, ${size === 1 ? 'single events' : `batches of ${size}`}`, results, 'events/s', '>= 0.95');
  }

  /** From committed rows to the log, read, sent and marked. */
  private async relays(producer: Producer): Promise<void> {
    const { url, database } = this.databases.of('ingestion');
    const count = 20_000;
    const results = await inTurns(
      async () => {
        const batches = Array.from({ length: count / 500 }, () => entriesOf(500));
        return count / await seconds(() => bareSend(producer, topic, batches, 0));
      },
      async () => {
        for (let i = 0; i < count / 1000; i++) await database.transaction((tx) => append(tx, Array.from({ length: 1000 }, () => outgoing(0))));
        let sent = 0;
        // Counting what is unsent costs the session that the relay works on: only the last rows are waited for so.
        const counting = Object.assign(Object.create(this.log) as KafkaEventLog, {
          append: async (...[to, partition, entries]: Parameters<KafkaEventLog['append']>) => {
            await this.log.append(to, partition, entries);
            sent += entries.length;
          },
        });
        const relay = new Relay({ service: 'ingestion', database: url, log: counting, logger: silent });
        const time = await seconds(async () => {
          await relay.start();
          while (sent < count) await sleep(2);
          while ((await relay.unsent()) > 0) await sleep(5);
        });
        await relay.stop();
        return count / time;
      });
    this.note('relay of an outbox of 20,000', results, 'events/s', '>= 0.8');
  }

  private async consumes(): Promise<void> {
    const count = 60_000;
    const [start] = await this.log.heads(topic);
    for (let i = 0; i < count / 500; i++) await this.log.append(topic, 0, entriesOf(500));
    const ours = async () => {
      let seen = 0;
      let began = 0;
      let end = () => {};
      const ended = new Promise<void>((resolve) => (end = resolve));
      const subscription = await this.hearerLog.subscribeShared({
        group: `feature.bench-${randomUUID()}`, topics: [topic], positionOf: async (_topic, partition) => (partition === 0 ? start : (await this.hearerLog.heads(topic))[partition]),
        onBatch: async ({ entries }) => {
          began ||= performance.now();
          if ((seen += entries.length) >= count) end();
        },
      });
      await ended;
      const rate = count / ((performance.now() - began) / 1000);
      await subscription.stop();
      return rate;
    };
    const results = await inTurns(() => bareConsume(this.address, topic, start, count), ours);
    this.note('consuming without effect', results, 'events/s', '>= 0.9');
    await this.inbox(start, count / 4, median(results.map(([, rate]) => rate)));
  }

  /** Position, inbox rows and the commit, with a handler that does nothing. */
  private async inbox(start: number, count: number, without: number): Promise<void> {
    const { database } = this.databases.of('feature');
    const rates: number[] = [];
    let transactions = 0;
    for (let round = 0; round < 3; round++) {
      const group = `feature.bench-${randomUUID()}`;
      const [, second] = await this.log.heads(topic);
      await database.query('INSERT INTO position VALUES ($1, $2, 0, $3), ($1, $2, 1, $4)', [group, topic, start, second]);
      const before = database.commits;
      let began = 0;
      const consumer = new SharedConsumer({
        service: 'feature', group, log: this.hearerLog, database, logger: silent,
        handlers: new Map([[events.RecordAccepted.type, async () => void (began ||= performance.now())]]),
      });
      await consumer.start();
      while (consumer.counters.handled + consumer.counters.duplicates < count) await sleep(2);
      rates.push(count / ((performance.now() - began) / 1000));
      transactions += database.commits - before;
      await consumer.stop();
    }
    const rate = median(rates);
    this.lines.push({ what: 'consuming with inbox and position, no effect', bare: `${without.toFixed(0)} events/s without`, ours: `${rate.toFixed(0)} events/s, ${(1e6 / rate - 1e6 / without).toFixed(0)} µs more each, ${(rates.length * count / transactions).toFixed(0)} a transaction`, ratio: rate / without, target: '' });
  }

  /** Ten events every ten milliseconds. */
  private async latency(producer: Producer): Promise<void> {
    const results: [number, number][] = [];
    const far: [number, number][] = [];
    for (let round = 0; round < 5; round++) {
      const start = await this.log.heads(topic);
      const [bare, ours] = [await bareLatency(this.address, producer, topic, start[0], () => entriesOf(10)), await this.ourLatency()];
      results.push([at(bare, 0.5), at(ours, 0.5)]);
      far.push([at(bare, 0.95), at(ours, 0.95)]);
    }
    this.note('commit to handler at 1,000 events/s, p50', results, 'ms', '<= 1.3');
    this.note('commit to handler at 1,000 events/s, p95', far, 'ms', '');
  }

  private async ourLatency(): Promise<number[]> {
    const [sayer, hearer] = [this.databases.of('ingestion'), this.databases.of('feature')];
    const group = `feature.bench-${randomUUID()}`;
    const heads = await this.log.heads(topic);
    for (const [partition, head] of heads.entries()) await hearer.database.query('INSERT INTO position VALUES ($1, $2, $3, $4)', [group, topic, partition, head]);
    const committed = new Map<string, number>();
    const times: number[] = [];
    const consumer = new SharedConsumer({
      service: 'feature', group, log: this.hearerLog, database: hearer.database, logger: silent,
      handlers: new Map([[events.RecordAccepted.type, async ({ id }: Delivered, _tx: Queryable) => {
        const began = committed.get(id);
        // A handler may see an event before the answer to the commit has come.
        times.push(began === undefined ? 0 : performance.now() - began);
      }]]),
    });
    const relay = new Relay({ service: 'ingestion', database: sayer.url, log: this.log, logger: silent });
    const wake = () => relay.wake();
    sayer.database.onCommit(wake);
    await relay.start();
    await consumer.start();
    while (consumer.positions().length < heads.length) await sleep(5);
    const commits: Promise<void>[] = [];
    await tick(300, () => {
      const ids = Array.from({ length: 10 }, () => randomUUID());
      commits.push(sayer.database.transaction((tx) => append(tx, ids.map((id) => ({ ...outgoing(0), id })))).then(() => {
        for (const id of ids) committed.set(id, performance.now());
      }));
    });
    await Promise.all(commits);
    while (times.length < 3_000) await sleep(5);
    await consumer.stop();
    await relay.stop();
    return times.slice(500);
  }

  /** A member that holds twelve partitions of a topic to which nothing comes. */
  private async idle(): Promise<void> {
    const spec = join(__dirname, '..', 'spec');
    const { stdout } = await promisify(execFile)(process.execPath, ['-r', join(spec, 'register.cjs'), join(spec, 'idle-child.ts')], { env: { ...process.env, IDLE_KAFKA: this.url } });
    const { without, withIt } = JSON.parse(stdout) as { without: number; withIt: number };
    this.lines.push({ what: 'idle consumer of 12 partitions', bare: `${(100 * without).toFixed(2)} % of a core without`, ours: `${(100 * withIt).toFixed(2)} %`, ratio: withIt - without, target: '<= 0.01 more' });
  }

  private note(what: string, results: [number, number][], unit: string, target: string): void {
    const show = (value: number) => `${value.toFixed(value < 100 ? 2 : 0)} ${unit}`;
    this.lines.push({ what, bare: show(median(results.map(([bare]) => bare))), ours: show(median(results.map(([, ours]) => ours))), ratio: median(results.map(([bare, ours]) => ours / bare)), target });
    console.log(`${what}: bare ${this.lines.at(-1)!.bare}, ours ${this.lines.at(-1)!.ours}, ratio ${this.lines.at(-1)!.ratio.toFixed(3)} ${target && `(${target})`}`);
  }
}

async function main(): Promise<void> {
  const given = process.env['BENCH_KAFKA'];
  const container = given === undefined ? await startKafka() : undefined;
  const url = given ?? `kafka://${container!.broker}`;
  const databases = await openDurableDatabases(['ingestion', 'feature']);
  try {
    await applyTopics({ url, upstream: [{ name: 'bench.twelve', partitions: 12, writers: [] }] });
    const bench = new Bench(url, databases);
    await bench.run();
    console.table(bench.lines.map(({ ratio, ...line }) => ({ ...line, ratio: Number(ratio.toFixed(3)) })));
    console.log(JSON.stringify(bench.lines));
  } finally {
    await databases.close();
    await container?.stop();
  }
}
void main().then(() => process.exit(0), (error: unknown) => {
  console.error(error);
  process.exit(1);
});
