/**
 * What a span costs: an event that is sent and handled, without tracing, with it, and where no trace is kept; the sending to
 * a collector in another process is counted. Microseconds of processor time for each piece of work.
 * Run: node -r ./libs/messaging/spec/register.cjs libs/runtime/src/tracing.bench.ts
 */
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Delivered } from '@rhei/messaging';
import { pause } from './clock';
import { processing, sendingOf } from './event-spans';
import { createLogger } from './logger';
import { inContext, newTraceparent } from './telemetry';
import { openTracing } from './tracing';
import type { Transaction } from './transaction';

const rounds = 8_000;
const payload = { deployment: 'departures', model: 'flight-late', predictions: [{ id: 'p1' }] };

/** One event: written below a request, handled by another service. */
async function event(): Promise<void> {
  const acts: (() => void)[] = [];
  await inContext({ traceparent: newTraceparent(), service: 'serving', fresh: true }, async () => {
    const sending = sendingOf('serving', 'PredictionServed', '1', payload);
    if (sending) acts.push(sending.end);
    const heard = {
      id: 'e1', name: 'PredictionServed', type: '', key: '1', time: 0, topic: 'serving.predictions', partition: 0, offset: 5, headers: {}, traceparent: sending?.traceparent ?? newTraceparent(), payload,
    } as unknown as Delivered;
    await processing('monitoring', 'monitoring', heard, async () => undefined, { afterCommit: (act: () => void) => acts.push(act) } as unknown as Transaction);
  });
  for (const act of acts) act();
}

async function measured(): Promise<number> {
  const figures: number[] = [];
  for (let repeat = 0; repeat < 5; repeat += 1) {
    const before = process.cpuUsage();
    for (let round = 0; round < rounds; round += 1) {
      await event();
      // The queue is sent between pieces of work, as in a service.
      if (round % 200 === 0) await pause(1);
    }
    await pause(1_200);
    const { user, system } = process.cpuUsage(before);
    figures.push((user + system) / rounds / 2);
  }
  return Number(figures.sort((a, b) => a - b)[2].toFixed(1));
}

async function main(): Promise<void> {
  const collector = fork(__filename, ['collector']);
  const port = await new Promise<unknown>((resolve) => collector.once('message', resolve));
  const services = new Map([['serving', { eventLog: 'postgres:' }], ['monitoring', { eventLog: 'postgres:' }]] as const);
  const open = (ratio: number) => openTracing({ endpoint: `http://127.0.0.1:${String(port)}`, ratio }, services, createLogger('runtime', 'warn'));
  await measured();
  const off = await measured();
  const end = await open(1);
  const on = await measured();
  await end();
  const endNone = await open(0);
  const noneKept = await measured();
  await endNone();
  collector.kill();
  console.log(JSON.stringify({ microsecondsEach: { off, on, noneKept } }));
}

function collect(): void {
  const server = createServer((request, response) => request.resume().on('end', () => response.end('{}')));
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
}

if (process.argv[2] === 'collector') collect();
else void main();
