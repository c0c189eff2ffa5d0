import { runtime } from '@rhei/contracts';
import { eventually, instant, startServices, type RunningServices } from '@rhei/testing';
import { z } from 'zod';
import { call, connect, run, service, shared, type Database, type Running, type TimerHandler } from './index';

interface Deps {
  database: Database;
  busy: { work: number };
}
const start = instant('2001-01-01T00:00:00Z');
const minute = 60_000_000;
const busy = { work: 0 };
const fires = (kind: string, fire: TimerHandler<Deps>['fire']): TimerHandler<Deps> => ({ kind, fire });
const fake = service<object, Deps>({
  name: 'training', config: z.object({}), migrations: [], deps: ({ database }) => ({ database, busy }),
  timers: [
    fires('a', async (_deps, { key }, tx) => tx.decide({ subject: key, action: 'fire', by: 'training', inputs: {}, outcome: 'a' })),
    fires('b', async () => undefined),
    fires('past', async (_deps, { key, due }, tx) => tx.arm('past', key, due)),
    fires('fails', async () => {
      throw new Error('no');
    }),
  ],
  inFlight: async ({ busy: { work } }) => ({ work }),
  digests: { async *numbers() { yield { n: 1 }; yield { n: 2 }; } },
  counts: async () => ({ numbers: 2 }),
  explain: { number: async (_deps, id) => (id === '1' ? { title: 'One', lines: ['the first'], causes: [{ service: 'training', kind: 'number', id: '0' }] } : undefined) },
  on: [shared<Deps, 'RunCompleted'>('ModelApplied' as never, async () => undefined)],
});

describe('a service whose clock is virtual', () => {
  let running: RunningServices;
  let control: runtime.ReplayControlClient;
  beforeAll(async () => {
    running = await startServices([fake], { clock: 'replay', at: start });
    control = connect(runtime.ReplayControlClient, running.grpc, running.token('admin'));
  });
  afterAll(async () => {
    control?.close();
    await running?.stop();
  });
  const setTime = (time: number) => call(control, 'setTime', { service: 'training', time }, { deadline: 5_000 });
  const runTimer = () => call(control, 'runTimer', { service: 'training' }, { deadline: 5_000 });
  const progress = () => call(control, 'getProgress', { service: 'training' }, { deadline: 5_000 });
  const arm = (kind: string, key: string, due: number) => running.database('training').transaction((tx) => tx.arm(kind, key, due));

  it('moves forward when an admin says so, and never back', async () => {
    expect(await setTime(start + minute)).toEqual({ time: start + minute });
    expect(await setTime(start + minute)).toEqual({ time: start + minute });
    await expect(setTime(start)).rejects.toMatchObject({ code: 'invalid', details: { reason: 'TIME_GOES_BACK' }, message: expect.stringContaining('stands at 2001-01-01T00:01:00Z') });
    const dev = connect(runtime.ReplayControlClient, running.grpc, running.token('dev'));
    await expect(call(dev, 'setTime', { service: 'training', time: start + 2 * minute }, { deadline: 5_000 })).rejects.toMatchObject({ code: 'forbidden', details: { expected: 'admin' } });
    dev.close();
  });
  it('fires timers in the order (due, kind, key), one for each call, and none that is not due', async () => {
    const now = running.now();
    await arm('b', 'x', now);
    await arm('a', 'z', now);
    await arm('a', 'y', now);
    await arm('b', 'early', now - minute);
    await arm('a', 'later', now + minute);
    await arm('b', 'gone', now);
    await running.database('training').transaction((tx) => tx.disarm('b', 'gone'));
    const fired = [];
    for (let answer = await runTimer(); ; answer = await runTimer()) {
      if (!answer.fired) {
        expect(answer.next).toEqual({ due: now + minute, kind: 'a', key: 'later' });
        break;
      }
      fired.push(`${answer.fired.kind}/${answer.fired.key}`);
    }
    expect(fired).toEqual(['b/early', 'a/y', 'a/z', 'b/x']);
    expect((await progress()).nextTimer).toEqual({ due: now + minute, kind: 'a', key: 'later' });
  });
  it('keeps a timer whose effect failed, or that would arm one not later than itself', async () => {
    const now = running.now();
    await arm('past', 'k', now - 5);
    await expect(runTimer()).rejects.toMatchObject({ code: 'internal' });
    expect(await running.database('training').query(`SELECT due FROM timer WHERE kind = 'past'`)).toEqual([{ due: now - 5 }]);
    await running.database('training').query(`DELETE FROM timer WHERE kind = 'past'`);
    await arm('fails', 'k', now);
    await expect(runTimer()).rejects.toMatchObject({ code: 'internal' });
    expect(await running.database('training').query(`SELECT due FROM timer WHERE kind = 'fails'`)).toEqual([{ due: now }]);
    await running.database('training').query(`DELETE FROM timer WHERE kind = 'fails'`);
  });
  it('tells its progress: work in hand, counters that grow, and answers as soon as it is quiet', async () => {
    const before = await progress();
    expect(before).toMatchObject({ time: running.now(), inFlight: {}, unsent: 0, parked: 0, deadLetters: 0 });
    expect(before.positions).toEqual([{ subscription: 'training', topic: 'registry.models', partition: 0, position: 0, head: 0 }]);
    expect(await progress()).toEqual(before);
    await running.database('training').transaction((tx) => tx.query('SELECT 1'));
    expect((await progress()).counters['commits']).toBe(before.counters['commits'] + 1);
    busy.work = 2;
    await running.database('training').transaction((tx) => tx.query('SELECT 1'));
    const asked = performance.now();
    expect((await progress()).inFlight).toEqual({ work: 2 });
    expect(performance.now() - asked).toBeGreaterThan(150);
    setTimeout(() => (busy.work = 0), 30);
    const again = performance.now();
    expect((await progress()).inFlight).toEqual({});
    expect(performance.now() - again).toBeLessThan(150);
  });
  it('has its decisions, digests and explanations for who may read', async () => {
    const client = connect(runtime.OperationsServiceClient, running.grpc, running.token('aud'));
    const { decisions } = await call(client, 'listDecisions', { service: 'training', after: 0, limit: 1, subject: '' }, { deadline: 2_000 });
    expect(decisions).toMatchObject([{ sequence: 1, subject: 'y', action: 'fire', asOf: start + minute, inputsJson: '{}', outcomeJson: '"a"' }]);
    expect((await call(client, 'listDecisions', { service: 'training', after: 1, limit: 0, subject: 'z' }, { deadline: 2_000 })).decisions).toHaveLength(1);
    const { counts, digests } = await call(client, 'getSummary', { service: 'training' }, { deadline: 2_000 });
    // printf '{"n":1}\n{"n":2}\n' | sha256sum
    expect({ counts, digests }).toEqual({ counts: { numbers: 2 }, digests: { numbers: 'bffaac563f091c61dc28d2f37cd74d0b19be0c45e3b1e32ced6a93eed7725862' } });
    expect(await call(client, 'explain', { service: 'training', kind: 'number', id: '1' }, { deadline: 2_000 })).toEqual({ found: true, title: 'One', lines: ['the first'], causes: [{ service: 'training', kind: 'number', id: '0' }], traced: false, traceparents: [] });
    expect(await call(client, 'explain', { service: 'training', kind: 'toString', id: '1' }, { deadline: 2_000 })).toMatchObject({ found: false });
    client.close();
  });

  describe('with a second replica', () => {
    let second: Running;
    beforeAll(async () => {
      second = await run([fake], { env: { ...running.env, HTTP_PORT: '0', GRPC_PORT: '0' } });
    });
    afterAll(() => second?.stop());

    it('shows the new time on both when SetTime has returned', async () => {
      for (let step = 1; step <= 5; step += 1) {
        const time = running.now() + minute;
        await setTime(time);
        expect(second.services.get('training')?.clock.now()).toBe(time);
      }
    });
    it('sums the counters of both', async () => {
      // The first replica notices the second at its next renewal.
      await eventually('both are seen', async () => (await running.running.services.get('training')?.replica.others())?.length === 1);
      const before = (await progress()).counters['commits'];
      await second.services.get('training')?.database.transaction((tx) => tx.query('SELECT 1'));
      await eventually('the commit of the other is counted', async () => (await progress()).counters['commits'] > before);
    });
    it('lets a transaction on the second use the new time only', async () => {
      const time = running.now() + minute;
      await setTime(time);
      expect(await second.services.get('training')?.database.transaction(async (tx) => tx.now)).toBe(time);
    });
    it('does not wait for one whose lease has ended', async () => {
      await running.database('training').query('INSERT INTO replica (id, host, pid, started, lease_until, acknowledged, ready, progress) VALUES ($1, $2, 1, 1, $3, 0, true, $4)',
        ['dead', 'elsewhere', (Date.now() + 700) * 1000, '{"counters":{},"positions":[]}']);
      const asked = performance.now();
      await setTime(running.now() + minute);
      expect(performance.now() - asked).toBeGreaterThan(400);
    });
  });
});

describe('a service on the system clock', () => {
  it('fires timers by itself when they are due, and has no replay control', async () => {
    const running = await startServices([fake]);
    const database = running.database('training');
    const due = running.now() + 300_000;
    await database.transaction((tx) => tx.arm('a', 'soon', due));
    const [{ asOf }] = await eventually('the timer has fired', async () => {
      const rows = await database.query<{ asOf: number }>('SELECT as_of AS "asOf" FROM decision');
      return rows.length > 0 && rows;
    });
    expect(asOf).toBeGreaterThanOrEqual(due);
    expect(asOf).toBeLessThan(due + 2_000_000);
    expect(running.running.doors().grpc.filter(({ name }) => name.includes('ReplayControl'))).toEqual([]);
    await running.stop();
  });
});
