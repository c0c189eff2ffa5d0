/**
 * Round trips per second, outbox → log → inbox, on a Postgres of its own with fsync on.
 * Run: node -r ./libs/messaging/spec/register.cjs libs/testing/src/round-trip.bench.ts
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { events, ingestion } from '@rhei/contracts';
import { createLogger, runtimeMigrations, ServiceDatabase, startCluster, SystemClock, type Transaction } from '@rhei/runtime';
import { append, installPostgresLog, messagingMigrations, PostgresEventLog, Relay, SharedConsumer, type Delivered } from '@rhei/messaging';

const payload = ingestion.RecordAccepted.encode(ingestion.RecordAccepted.fromPartial({
  shard: 0, watermark: 1, records: Array.from({ length: 14 }, (_, i) => ({ source: 'airline', id: `flight-${i}`, type: 'flight.landed', dataJson: '{"delay":12,"distance":800}' })),
})).finish();

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rhei-bench-'));
  const cluster = await startCluster({ folder });
  try {
    const logger = createLogger('runtime', 'warn');
    for (const name of ['ingestion', 'feature']) {
      await cluster.createRole(`rhei_${name}`, 'bench');
      await cluster.createDatabase(name, `rhei_${name}`);
    }
    await cluster.createDatabase('log');
    await installPostgresLog(cluster.adminUrl('log'));
    const open = async (service: 'ingestion' | 'feature') => {
      const url = cluster.urlFor(`rhei_${service}`, 'bench', service);
      const database = await ServiceDatabase.open({ service, url, log: logger, migrations: [...messagingMigrations, ...runtimeMigrations] });
      database.useClock(new SystemClock());
      return { url, database, log: new PostgresEventLog({ url: cluster.urlFor(`rhei_${service}`, 'bench', 'log'), logger }) };
    };
    const [sayer, hearer] = [await open('ingestion'), await open('feature')];
    await hearer.database.query('CREATE TABLE effect (id text, n int)');
    const relay = new Relay({ service: 'ingestion', database: sayer.url, log: sayer.log, logger });
    sayer.database.onCommit(() => relay.wake());
    let heard: (() => void) | undefined;
    const consumer = new SharedConsumer({
      service: 'feature', group: 'feature', log: hearer.log, database: hearer.database, logger,
      crashAt: (point) => { if (point === 'consumer.after-commit') heard?.(); },
      handlers: new Map([[events.RecordAccepted.type, async (event: Delivered<'RecordAccepted'>, tx: Transaction) => void (await tx.query('INSERT INTO effect VALUES ($1, $2)', [event.id, event.payload.records.length]))]]),
    });
    await relay.start();
    await consumer.start();

    const say = (shard: number) => sayer.database.transaction((tx) => append(tx, { eventName: 'RecordAccepted', key: shard, payload, time: 0 }));
    const times: number[] = [];
    for (let i = 0; i < 1500; i++) {
      const start = performance.now();
      const effect = new Promise<void>((resolve) => (heard = resolve));
      await say(i % 2);
      await effect;
      times.push(performance.now() - start);
    }
    heard = undefined;
    times.splice(0, 300);
    const sorted = [...times].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(sorted.length * share)].toFixed(2);
    console.log(`one after the other: ${(1000 * times.length / times.reduce((a, b) => a + b, 0)).toFixed(0)} round trips/s, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms`);

    const before = consumer.counters.handled;
    const start = performance.now();
    const writers = Array.from({ length: 8 }, async (_, writer) => { for (let i = 0; i < 500; i++) await say(writer % 2); });
    await Promise.all(writers);
    while (consumer.counters.handled < before + 4000) await new Promise((resolve) => setTimeout(resolve, 2));
    console.log(`eight writers: ${(4_000_000 / (performance.now() - start)).toFixed(0)} events/s`);

    await consumer.stop();
    await relay.stop();
    for (const { log, database } of [sayer, hearer]) {
      await log.close();
      await database.close();
    }
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
void main();
