import { Controller, Inject, Post } from '@nestjs/common';
import { feature, ingestion, invalid, runtime, unavailable } from '@rhei/contracts';
import { eventually, startServices, type RunningServices } from '@rhei/testing';
import { z } from 'zod';
import { call, connect, currentTraceparent, DEPS, service, shared, start, type Database } from './index';

interface Deps {
  database: Database;
  operations: runtime.OperationsServiceClient;
  log: { info(about: object, text: string): void };
}
const deps = ({ database, log, peer }: any): Deps => ({ database, log, operations: peer('ingestion', runtime.OperationsServiceClient) });
const traces: string[] = [];
let listing: () => Promise<void> = async () => undefined;

@Controller('fake')
class FakeController {
  constructor(@Inject(DEPS) private readonly deps: Deps) {}
  @Post('sources')
  async apply() {
    await this.deps.database.transaction((tx) => tx.emit('SourceApplied', 'airline', ingestion.SourceApplied.fromPartial({ name: 'airline' })));
    return 'said';
  }
}
const speaker = service<object, Deps>({
  name: 'ingestion', config: z.object({}), migrations: [], deps,
  http: [{ controller: FakeController, routes: { 'POST /fake/sources': { roles: ['developer'] } } }],
});
const hearer = service<object, Deps>({
  name: 'feature', config: z.object({}), migrations: [], deps,
  on: [shared<Deps, 'SourceApplied'>('SourceApplied', async ({ log }, { payload: { name } }, tx) => {
    if (name === 'bad') throw invalid('This one is never right.');
    traces.push(currentTraceparent());
    log.info({ source: name }, 'heard');
    await tx.emit('FeatureSetApplied', name, feature.FeatureSetApplied.fromPartial({ name }));
  })],
  refresh: () => listing(),
});
const trace = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('what one service says to another', () => {
  let running: RunningServices;
  const lines: string[] = [];
  beforeAll(async () => {
    running = await startServices([speaker, hearer], { clock: 'replay', at: 0, env: { LOG_LEVEL: 'info' }, logTo: { write: (line) => void lines.push(line) } });
  });
  afterAll(() => running?.stop());

  it('carries the trace of the request through outbox, log and inbox, and into what follows', async () => {
    await fetch(`${running.http}/fake/sources`, { method: 'POST', headers: { authorization: `Bearer ${running.token('dev')}`, traceparent: `00-${trace}-00f067aa0ba902b7-01` } });
    await running.settle();
    expect(traces.map((traceparent) => traceparent.slice(3, 35))).toEqual([trace]);
    const [{ headers }] = await running.database('feature').query<{ headers: { traceparent: string } }>('SELECT headers FROM outbox');
    expect(headers.traceparent.slice(3, 35)).toBe(trace);
    expect(running.published('FeatureSetApplied')).toMatchObject([{ name: 'airline' }]);
  });
  it('stands in the log with its service, its trace and its event', () => {
    expect(lines.map((line) => JSON.parse(line) as object).find((line) => (line as { msg?: string }).msg === 'heard'))
      .toMatchObject({ level: 'info', service: 'feature', traceId: trace, eventId: expect.stringMatching(/^[0-9a-f-]{36}$/), source: 'airline' });
  });
  it('is set aside when it can never be taken, with those behind it, and counts as settled', async () => {
    await running.publish('SourceApplied', 'x', ingestion.SourceApplied.fromPartial({ name: 'bad' }));
    await running.publish('SourceApplied', 'x', ingestion.SourceApplied.fromPartial({ name: 'behind' }));
    await running.publish('SourceApplied', 'y', ingestion.SourceApplied.fromPartial({ name: 'other' }));
    await running.settle();
    const client = connect(runtime.OperationsServiceClient, running.grpc, running.token('aud'));
    expect(await call(client, 'getStatus', { service: 'feature' }, { deadline: 2_000 })).toMatchObject({
      lag: 0, unsent: 0, parked: [{ subscription: 'feature', key: 'x', waiting: 1 }],
      deadLetters: [{ key: 'x', eventType: 'rhei.ingestion.source-applied.v1', reason: expect.stringContaining('never right') }],
    });
    client.close();
    expect(running.published('FeatureSetApplied').map(({ name }) => name)).toEqual(['airline', 'other']);
  });
  it('may be a question: with its own credential, a deadline, and an error of the table for an answer', async () => {
    const { operations } = running.running.services.get('feature')?.deps as Deps;
    await expect(call(operations, 'getStatus', { service: 'ingestion' }, { deadline: 1_000 })).rejects.toMatchObject({ code: 'forbidden', details: { got: 'service:feature' } });
    await expect(call(operations, 'getStatus', { service: 'ingestion' }, { deadline: 0 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    await expect(call(operations, 'getStatus', { service: 'ingestion' }, { deadline: 1_000, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });
  it('waits for the first listing: not ready, with the reason, until the peer answers', async () => {
    listing = async () => {
      throw unavailable('The registry does not answer.');
    };
    const second = await start([hearer], { env: { ...running.env, HTTP_PORT: '0', GRPC_PORT: '0', LOG_LEVEL: 'silent' } });
    const ready = async () => (await fetch(`${second.http}/health/ready`)).json();
    await eventually('the reason is told', async () => JSON.stringify(await ready()).includes('The registry does not answer.'));
    const control = connect(runtime.ReplayControlClient, second.grpc, running.token('admin'));
    await expect(call(control, 'getProgress', { service: 'feature' }, { deadline: 2_000 })).rejects.toMatchObject({ code: 'unavailable', details: { reason: 'NOT_READY' } });
    control.close();
    listing = async () => undefined;
    await second.ready();
    expect(await ready()).toEqual({ status: 'ready', services: { feature: { ready: true } } });
    await second.stop();
  });
});

describe('a subscriber that topics.ts does not know', () => {
  it('ends the start', async () => {
    const deaf = { ...hearer, on: [shared<Deps, 'RunCompleted'>('RunCompleted', async () => undefined)] };
    await expect(startServices([deaf])).rejects.toThrow(/feature hears RunCompleted as "shared"; topics.ts says that it does not hear it/);
  });
});
