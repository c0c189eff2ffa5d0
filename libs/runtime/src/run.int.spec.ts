import { registry, runtime } from '@rhei/contracts';
import { instant, startServices, type RunningServices } from '@rhei/testing';
import { z } from 'zod';
import { call, connect, service, type Database } from './index';

interface Deps {
  database: Database;
}

const counter = service<object, Deps>({
  name: 'registry', config: z.object({}),
  migrations: [class Fake0001Things1700000001000 {
    name = 'Fake0001Things1700000001000';
    async up(runner: { query(sql: string): Promise<unknown> }) {
      await runner.query('CREATE TABLE thing (id text PRIMARY KEY, at bigint NOT NULL)');
    }
    async down() {}
  }],
  deps: ({ database }) => ({ database }),
  timers: [{
    kind: 'tick',
    async fire({ database: _database }, { key, due }, tx) {
      await tx.query('INSERT INTO thing (id, at) VALUES ($1, $2)', [`${key}@${due}`, tx.now]);
      await tx.decide({ subject: `thing/${key}`, action: 'tick', by: 'registry', inputs: { due }, outcome: 'done' });
      if (due < instant('2001-01-03T00:00:00Z')) await tx.arm('tick', key, due + 86_400_000_000);
    },
  }],
});

describe('a service that runs', () => {
  let running: RunningServices;
  beforeAll(async () => {
    running = await startServices([counter], { clock: 'replay', at: instant('2001-01-01T00:00:00Z') });
  });
  afterAll(() => running?.stop());

  it('is ready and says so without asking who calls', async () => {
    const response = await fetch(`${running.http}/health/ready`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ready', services: { registry: { ready: true } } });
  });

  it('answers over gRPC to whom it knows, and to nobody else', async () => {
    const client = connect(runtime.OperationsServiceClient, running.grpc, running.token('aud'));
    const status = await call(client, 'getStatus', { service: 'registry' }, { deadline: 2_000 });
    expect(status).toMatchObject({ ready: true, unsent: 0, time: instant('2001-01-01T00:00:00Z') });
    client.close();
    const stranger = connect(runtime.OperationsServiceClient, running.grpc, 'wrong');
    await expect(call(stranger, 'getStatus', { service: 'registry' }, { deadline: 2_000 })).rejects.toMatchObject({ code: 'unauthenticated' });
    stranger.close();
  });

  it('fires timers in their order when told to, with the clock at the due time', async () => {
    await running.database('registry').transaction((tx) => tx.arm('tick', 'a', instant('2001-01-02T00:00:00Z')));
    const fired = await running.runTimers(instant('2001-01-10T00:00:00Z'));
    expect(fired.map(({ due }) => due)).toEqual([instant('2001-01-02T00:00:00Z'), instant('2001-01-03T00:00:00Z')]);
    const rows = await running.database('registry').query('SELECT at FROM thing ORDER BY at');
    expect(rows).toEqual([{ at: instant('2001-01-02T00:00:00Z') }, { at: instant('2001-01-03T00:00:00Z') }]);
    expect(running.now()).toBe(instant('2001-01-10T00:00:00Z'));
  });

  it('carries an event from the outbox to the log', async () => {
    const payload = registry.ModelApplied.fromPartial({ name: 'delay', specJson: '{}' });
    await running.publish('ModelApplied', 'delay', payload);
    await running.settle();
    expect(running.published('ModelApplied')).toEqual([payload]);
  });
});

