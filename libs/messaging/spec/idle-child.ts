import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaEventLog } from '../src';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** The share of a core that this process uses while it sleeps. */
async function share(milliseconds: number): Promise<number> {
  const [before, start] = [process.cpuUsage(), performance.now()];
  await sleep(milliseconds);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / (performance.now() - start);
}

/** In a process of its own: what a measurement before it has left in the memory of a process is no part of being idle. */
async function main(): Promise<void> {
  const log = new KafkaEventLog({ url: process.env['IDLE_KAFKA']!, service: 'ingestion', logger: silent, onFatal: console.error });
  await log.heads('ingestion.records');
  await sleep(2_000);
  const without = await share(10_000);
  const subscription = await log.subscribeUpstream({ group: 'ingestion.bench-idle', topic: 'bench.twelve', positionOf: async () => 0, onBatch: async () => undefined });
  while (subscription.positions().length < 12) await sleep(20);
  await sleep(5_000);
  const withIt = await share(30_000);
  await log.close();
  console.log(JSON.stringify({ without, withIt }));
}

void main().then(() => process.exit(0), (error: unknown) => {
  console.error(error);
  process.exit(1);
});
