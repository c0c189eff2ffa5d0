import { monitoring, notFound } from '@rhei/contracts';
import { DAY, parseDay } from '@rhei/expressions';
import { service, type Service } from '@rhei/runtime';
import { startServices, type RunningServices } from '@rhei/testing';
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import { run } from './run';

const first = parseDay('2001-02-15');
const test = (over: Partial<monitoring.DriftTest>): monitoring.DriftTest => ({
  name: 'outcome', reference: 'fixed', slice: '', measure: 'psi', statistic: 0.1, effect: 0.1, pValue: 0.4, floor: 0.03, alarm: false, shown: false, rows: 280, before: undefined, after: undefined, ...over,
});
const loud = test({ alarm: true, pValue: 0.001, effect: 0.214 });
const fewer = test({ name: 'volume', reference: 'moving', measure: 'relative', before: 40, after: 20, effect: 0.5, pValue: 0.0005, floor: 0.2, alarm: true });
const window = (week: number, over: Partial<monitoring.Window>): monitoring.Window => ({
  from: first + 7 * week * DAY, to: first + (7 * week + 7) * DAY, decidedAt: first + (7 * week + 9) * DAY, referenceVersion: 1, tests: [test({})], untested: [], alarm: false, retraining: 'none', reason: 'no alarm, and alarms > 0 does not hold',
  logLoss: 0.5123, coverage: 0.95, rows: 280, labelled: 266, restated: { rows: 280, labelled: 266, coverage: 0.95, logLoss: 0.5123 }, ...over,
});
const windows = [
  window(0, {}), window(1, { tests: [loud, fewer], alarm: true, retraining: 'requested', reason: 'outcome differs', restated: { rows: 280, labelled: 280, coverage: 1, logLoss: 0.5311 } }),
  window(2, { tests: [], untested: [{ name: 'outcome', reference: 'fixed', slice: '', why: 'the window overlaps the reference of version 2' }] }),
];
const alarms = [loud, fewer].map((one): monitoring.Alarm => ({
  id: `departures/2001-02-22T00:00:00Z/${one === loud ? 'outcome' : 'volume@moving'}`, monitor: 'departures', windowFrom: windows[1].from, windowTo: windows[1].to, decidedAt: windows[1].decidedAt,
  test: one, referenceVersion: 1, retraining: 'requested', reason: 'outcome differs',
}));
const promotion = { model: 'late', version: 2, replaced: 1, liveFrom: first, due: first + 16 * DAY, judgedAt: 0, verdict: '', reason: '', difference: 0, low: 0, high: 0, rows: 0, days: 0, rollbackRequested: false };
const promotions: monitoring.Promotion[] = [{ ...promotion, judgedAt: first + 16 * DAY, verdict: 'hurt', reason: 'log loss of version 2 less that of version 1: 0.0100', rollbackRequested: true }, { ...promotion, version: 3, replaced: 2 }];
const monitor: monitoring.Monitor = {
  name: 'departures', deployment: 'departures', model: 'late', windows: 3, tested: 2, alarms: 1, nextWindowCloses: first + 30 * DAY, budget: 0.01, retrainingsRequested: 1, retrainingsDeclined: 0,
  watch: ['outcome', 'volume'], against: 'both', cost: { unit: 'EUR', runs: 1, alarms: 1, ofRuns: 2.5, ofAlarms: 1, total: 3.5 },
};

/** Monitoring as it answers, from a few plain values. */
const double: Service = service({
  name: 'monitoring', config: z.object({}), migrations: [], deps: () => ({}),
  rpc: () => [{
    definition: monitoring.MonitoringServiceService,
    methods: Object.fromEntries(Object.entries({
      listMonitors: () => ({ monitors: [monitor] }), listWindows: () => ({ windows }), listPromotions: () => ({ promotions }), getPerformance: () => ({ rows: [] }),
      listAlarms: ({ since }: monitoring.ListAlarmsRequest) => ({ alarms: alarms.filter(({ decidedAt }) => decidedAt >= since) }), getComparison: () => { throw notFound('nothing'); },
    }).map(([name, answer]) => [name, { roles: ['operator' as const], deadline: 5_000, handle: async (request: never) => answer(request) }])),
  }],
});

describe('rhei monitors and alarms', () => {
  let running: RunningServices;
  beforeAll(async () => {
    running = await startServices([double], { clock: 'replay', at: 0 });
  }, 60_000);
  afterAll(() => running?.stop(), 30_000);

  async function rhei(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    // A terminal of 80 columns.
    const streams = { stdout: Object.assign(new PassThrough({ highWaterMark: 1e7 }), { isTTY: true, columns: 80 }), stderr: new PassThrough({ highWaterMark: 1e7 }), stdin: new PassThrough() };
    const env = { RHEI_URL: running.http, RHEI_GRPC: running.grpc, RHEI_TOKEN: running.token('oper'), NO_COLOR: '1' };
    const code = await run(args, { env, ...streams } as unknown as Parameters<typeof run>[1]);
    return { code, out: String(streams.stdout.read() ?? ''), err: String(streams.stderr.read() ?? '') };
  }
  const json = async (...args: string[]) => JSON.parse((await rhei(...args, '--json')).out) as Record<string, unknown> & Record<string, unknown>[];

  it('list: says how often each alarmed and what it cost, in 80 columns', async () => {
    const { code, out, err } = await rhei('monitors', 'list');
    expect([code, err]).toEqual([0, expect.stringContaining('rhei monitors show departures')]);
    expect(out).toMatch(/^MONITOR .*ALARMS .*\ndepartures +departures +3 +2 +1 +1 +2001-03-17 +3.50 EUR\n$/);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('show: figures at the closing and restated, tests, decisions, verdicts and cost', async () => {
    const { code, out, err } = await rhei('monitors', 'show', 'departures');
    expect([code, err]).toEqual([0, expect.stringContaining('rhei why window departures/2001-02-22T00:00:00Z')]);
    expect(out).toContain('1; by its budget of 1.0 % chance alone makes 0.02');
    expect(out).toContain('3.50 EUR: 1 runs 2.50, 1 alarms 1.00');
    expect(out).toMatch(/2001-02-22 +1 +280 +95.0 % → 100.0 % +0.5123 → 0.5311 +2 +requested/);
    expect(out).toMatch(/2001-02-15 +1 +280 +95.0 % +0.5123 +0 +none/);
    expect(out).toMatch(/2001-02-22 +volume@moving +40.0 → 20.0 +0.00050 +alarm/);
    expect(out).toMatch(/2001-03-01 +outcome +- +- +not tested: the window overl/);
    expect(out).toContain('2001-02-15  none: no alarm, and alarms > 0 does not hold');
    expect(out.replace(/\n +/g, ' ')).toMatch(/version 2 for 1: hurt, log loss .*; a rollback was asked for/);
    expect(out.replace(/\n +/g, ' ')).toContain('version 3 for 2: is judged 2001-03-03T00:00:00Z, when its labels are mature');
    expect(out.split('\n').filter(({ length }) => length > 80)).toEqual([]);
    expect((await rhei('monitors', 'show', 'departures', '--last', '1')).out).not.toContain('2001-02-22');
    expect(await json('monitors', 'show', 'departures')).toMatchObject({
      cost: { total: 3.5 }, windows: [{}, { atClose: { labelled: 266, logLoss: 0.5123 }, restated: { labelled: 280, logLoss: 0.5311 } }, {}], promotions: [{ verdict: 'hurt' }, { judgedAt: null }],
    });
  });

  it('names the monitor that was probably meant', async () => {
    expect(await rhei('monitors', 'show', 'departure')).toMatchObject({ code: 3, err: expect.stringContaining('did you mean departures?') });
    expect(JSON.parse((await rhei('monitors', 'show', 'arrivals', '--json')).err || (await rhei('monitors', 'show', 'arrivals', '--json')).out)).toMatchObject({ code: 'not_found', field: 'monitor', expected: 'one of departures', got: 'arrivals', hint: expect.stringContaining('rhei monitors list') });
    expect(await rhei('monitors', 'show', 'departures', '--last', 'many')).toMatchObject({ code: 2 });
    expect(await rhei('alarms', 'list', '--monitor', 'departuers')).toMatchObject({ code: 3, err: expect.stringContaining('did you mean departures?') });
  });

  it('alarms list: names each by monitor, window and test, and takes a day to begin at', async () => {
    const { code, out } = await rhei('alarms', 'list');
    expect(code).toBe(0);
    expect(out).toMatch(/departures\/2001-02-22\/outcome +PSI 0.214 +0.001 +requested +outc/);
    expect(await json('alarms', 'list', '--since', '2001-03-04')).toEqual([]);
    expect(await rhei('alarms', 'list', '--since', 'March')).toMatchObject({ code: 2, err: expect.stringContaining('2001-03-04') });
  });

  it('alarms show: one by its name, all of a window, and what was probably meant', async () => {
    const { code, out, err } = await rhei('alarms', 'show', 'departures/2001-02-22/volume@moving');
    expect([code, err]).toEqual([0, expect.stringContaining('rhei why alarm departures/2001-02-22T00:00:00Z/volume@moving')]);
    expect(out).toMatch(/differs +40.0 → 20.0 over 280 rows\nfrom +the last quiet windows/);
    expect(await json('alarms', 'show', 'departures/2001-02-22')).toHaveLength(2);
    expect(await rhei('alarms', 'show', 'departures/2001-02-22/outcom')).toMatchObject({ code: 3, err: expect.stringContaining('did you mean departures/2001-02-22/outcome?') });
  });
});
