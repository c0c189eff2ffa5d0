import { monitoring, runtime } from '@rhei/contracts';
import { hashUnit } from '@rhei/expressions';
import { call, connect, day, hour } from '@rhei/runtime';
import { instant, startServices, type RunningServices } from '@rhei/testing';
import { MonitoringModule } from '../monitoring.module';
import { label, prediction, registered, shifted } from '../told.fixture';

const start = instant('2001-01-01T00:00:00Z');
const soon = { deadline: 20_000 };
const rows = 30;
const truth = (index: number, row: number): number => (hashUnit(4, 'late', `${index}/${row}`) < 0.3 ? 1 : 0);

describe('promotions', () => {
  let services: RunningServices;
  const open: { close(): void }[] = [];
  const client = (): monitoring.MonitoringServiceClient => {
    const made = connect(monitoring.MonitoringServiceClient, services.grpc, services.token('aud'));
    open.push(made);
    return made;
  };
  const apply = async (...resources: runtime.Resource[]): Promise<void> => {
    const made = connect(runtime.ResourceServiceClient, services.grpc, services.token('dev'));
    open.push(made);
    await call(made, 'applyResources', { service: 'monitoring', resources }, soon);
  };
  const monitor = (helped: object = {}): runtime.Resource => ({ kind: 'Monitor', name: 'departures', version: 0, specJson: JSON.stringify({ deployment: 'departures', watch: ['outcome'], helped: { after: '7d', ...helped }, retrain: { when: 'alarms > 0', cost: { run: 2.5, alarm: 1, unit: 'EUR' } } }) });

  /** A day in which one version answers and others stand in the shadow, each with its probability; labels a day later, mature after two. */
  const answer = async (index: number, answering: [version: number, probability: number, role?: string], ...shadows: [version: number, probability: number | null][]): Promise<void> => {
    const [version, probability, role = 'live'] = answering;
    const asOf = start + index * day + hour;
    await services.publish('PredictionServed', 0, {
      deployment: 'departures', model: 'late', featureSet: 'lateness', shard: 0,
      predictions: Array.from({ length: rows }, (_, row) => row).flatMap((row) => {
        const id = `p${index}-${row}`;
        return [
          prediction({ id, asOf, version, role, outputs: { probability } }),
          ...shadows.map(([shadow, score]) => prediction({ id, asOf, version: shadow, role: 'shadow', outputs: score === null ? {} : { probability: score }, error: score === null ? 'it failed' : '' })),
        ];
      }),
    });
    await services.publish('ExampleLabelled', 0, { shard: 0, labels: Array.from({ length: rows }, (_, row) => label({ example: `e${index}-${row}`, value: truth(index, row), arrival: asOf + day, maturesAt: asOf + 2 * day })) });
  };
  const live = (version: number, replaces: number, revision: number, at: number, over: object = {}): Promise<void> =>
    services.publish('TrafficShifted', 'departures', shifted({ version, replaces, revision, shiftedAt: start + at * day, ...over }));
  const promotions = async (): Promise<monitoring.Promotion[]> => (await call(client(), 'listPromotions', { monitor: 'departures' }, soon)).promotions;

  beforeAll(async () => {
    services = await startServices([MonitoringModule], { clock: 'replay', at: start });
    await services.publish('DeploymentApplied', 'departures', { name: 'departures', version: 1, specJson: '{"model":"late","featureSet":"lateness"}' });
    await services.publish('FeatureSetApplied', 'lateness', { name: 'lateness', version: 1, specJson: '{"request":{},"label":{"maturity":"2d"}}', longestWindow: 0, features: [] });
    await services.settle();
    await apply(monitor());
    await services.publish('ModelVersionRegistered', 'late', registered({ version: 1, asOf: start }));
    await live(1, 0, 1, 0);
    await services.settle();
  }, 60_000);
  afterAll(async () => {
    for (const one of open) one.close();
    await services?.stop();
  });

  it('say nothing of the first version, which replaced none', async () => {
    for (let index = 0; index < 10; index++) await answer(index, [1, 0.6]);
    await services.runTimers(start + 10 * day);
    expect(await promotions()).toEqual([]);
  });

  it('do not begin while a version is only tried, nor does that move the reference', async () => {
    await services.publish('ModelVersionRegistered', 'late', registered({ version: 2, asOf: start + 10 * day }));
    await live(1, 1, 2, 10, { stage: 'shadow', candidate: 2 });
    await live(1, 1, 3, 10, { stage: 'canary', candidate: 2, share: 0.1 });
    await answer(10, [1, 0.6], [2, 0.3]);
    await answer(11, [2, 0.3, 'canary'], [1, 0.6]);
    await services.runTimers(start + 12 * day);
    expect(await promotions()).toEqual([]);
    const [first] = await services.database('monitoring').query<{ count: number }>('SELECT count(*) FROM live_interval');
    expect(Number(first.count)).toBe(1);
  });

  it('are judged once the labels of their first days are mature, on what both versions scored since', async () => {
    await live(2, 1, 4, 12);
    await services.settle();
    expect(await promotions()).toMatchObject([{ version: 2, replaced: 1, liveFrom: start + 12 * day, due: start + 21 * day, judgedAt: 0, verdict: '' }]);
    for (let index = 12; index < 21; index++) await answer(index, [2, 0.3], [1, 0.6]);
    const last = { id: 'p-last', asOf: start + 19 * day - hour, exampleTime: start + 19 * day };
    await services.publish('PredictionServed', 0, {
      deployment: 'departures', model: 'late', featureSet: 'lateness', shard: 0, predictions: [prediction({ ...last, version: 2 }), prediction({ ...last, version: 1, role: 'shadow' })],
    });
    await services.publish('ExampleLabelled', 0, { shard: 0, labels: [label({ example: 'e-last', value: 1, arrival: start + 20 * day, maturesAt: start + 21 * day })] });
    await services.runTimers(start + 21 * day);
    // Seven days of thirty: neither the canary's day before it was live, nor what happens after their end though it was asked about before.
    expect(await promotions()).toMatchObject([{ verdict: 'helped', rows: 210, days: 7, judgedAt: start + 21 * day, rollbackRequested: false, reason: expect.stringContaining('on the same 210 predictions of 7 days') }]);
    const [judged] = services.published('PromotionJudged');
    expect(judged).toMatchObject({ monitor: 'departures', deployment: 'departures', model: 'late', version: 2, replaced: 1, verdict: 'helped', rows: 210, judgedAt: start + 21 * day });
    expect(judged.high).toBeLessThan(0);
    await services.publish('ExampleLabelled', 0, { shard: 0, labels: [label({ example: 'e-last', revision: 2, value: 1, withdrawn: true })] });
    expect(services.published('RollbackRequested')).toEqual([]);
  });

  it('ask for a rollback when they hurt and are live still', async () => {
    await services.publish('ModelVersionRegistered', 'late', registered({ version: 3, asOf: start + 21 * day }));
    await live(3, 2, 5, 21);
    for (let index = 21; index < 30; index++) await answer(index, [3, 0.8], [2, 0.3], [1, 0.6]);
    await services.runTimers(start + 30 * day);
    expect((await promotions())[1]).toMatchObject({ version: 3, verdict: 'hurt', rollbackRequested: true });
    expect(services.published('RollbackRequested')).toMatchObject([{
      id: expect.stringMatching(/^rollback-[0-9a-f]{16}$/), monitor: 'departures', deployment: 'departures', model: 'late', version: 3, digest: 'digest 3', reason: expect.stringContaining('log loss of version 3 less that of version 2'),
    }]);
    const decided = await services.database('monitoring').query<{ subject: string; outcome: string }>(`SELECT subject, outcome FROM decision WHERE action = 'judge-promotion' ORDER BY sequence`);
    expect(decided.map(({ subject, outcome }) => `${subject} ${(JSON.parse(outcome) as { verdict: string }).verdict}`)).toEqual(['promotion/departures/late/2 helped', 'promotion/departures/late/3 hurt']);
  });

  it('are not begun by going back, which nobody promoted', async () => {
    await services.publish('TrafficRolledBack', 'departures', { deployment: 'departures', model: 'late', version: 3, digest: 'digest 3', live: 2, liveDigest: 'digest 2', by: 'monitor', reason: 'it hurt', revision: 6, promotion: 3, rolledBackAt: start + 30 * day });
    await live(2, 3, 6, 30, { stage: 'rolled_back' });
    await services.settle();
    expect(await promotions()).toHaveLength(2);
  });

  it('are unclear with too few rows, and hurt without a rollback where the policy says never or another version is live', async () => {
    await apply(monitor({ rollback: 'never' }));
    await live(4, 2, 7, 31);
    for (let index = 31; index < 33; index++) await answer(index, [4, 0.3], [2, null]);
    await live(5, 4, 8, 33);
    for (let index = 33; index < 42; index++) await answer(index, [5, 0.9], [4, 0.3], [1, 0.6]);
    await services.runTimers(start + 42 * day);
    expect((await promotions()).slice(2)).toMatchObject([
      { version: 4, verdict: 'unclear', rows: 0, reason: 'versions 4 and 2 have both scored 0 predictions whose labels are mature; a verdict takes 200' },
      { version: 5, verdict: 'hurt', rollbackRequested: false },
    ]);
    expect(services.published('RollbackRequested')).toHaveLength(1);
    expect(services.published('PromotionJudged').map(({ version, verdict }) => `${version} ${verdict}`)).toEqual(['2 helped', '3 hurt', '4 unclear', '5 hurt']);
  });

  it('can be asked for, with their causes', async () => {
    const operations = connect(runtime.OperationsServiceClient, services.grpc, services.token('aud'));
    open.push(operations);
    expect(await call(operations, 'explain', { service: 'monitoring', kind: 'promotion', id: 'departures/late/3' }, soon)).toMatchObject({
      found: true, title: 'Promotion of version 3 of late in place of version 2: hurt', lines: [expect.stringContaining('live from 2001-01-22'), expect.stringContaining('judged'), expect.stringContaining('a rollback was requested: rollback-')],
    });
  });

  it('are compared with the version that was live first, month by month, without what a fit could have seen', async () => {
    const comparison = await call(client(), 'getComparison', { monitor: 'departures', candidate: '', baseline: '', from: 0, to: 0 }, soon);
    expect(comparison).toMatchObject({ candidate: 'live', baseline: 1, same: 330, seen: 0, months: [{ month: '2001-01' }, { month: '2001-02' }] });
    // Version 1 scored all but the two days that stood without it; the labels of the last days are not mature.
    expect(comparison.overall!.rows).toBe(330 + 30 + 9 * 30 + 9 * 30 + 7 * 30);
    expect(comparison.overall!.rows).toBe(comparison.months.reduce((sum, { paired }) => sum + paired!.rows, 0));
    expect(comparison.overall!.candidate!.calibration.map(({ from }) => from)).toEqual([0.3, 0.6, 0.8, 0.9]);
    const numbered = await call(client(), 'getComparison', { monitor: 'departures', candidate: '2', baseline: '1', from: start + 12 * day, to: start + 21 * day }, soon);
    expect(numbered).toMatchObject({ candidate: '2', baseline: 1, same: 0, overall: { rows: 270, days: 9 } });
    expect(numbered.overall!.high).toBeLessThan(0);
    // Had version 2 been fitted later, its January would count as seen.
    await services.database('monitoring').query('UPDATE model_version SET as_of = $1 WHERE version = 2', [start + 15 * day]);
    expect(await call(client(), 'getComparison', { monitor: 'departures', candidate: '2', baseline: '1', from: start + 12 * day, to: start + 21 * day }, soon)).toMatchObject({ seen: 90, overall: { rows: 180 } });
  });

  it('refuse a comparison of what is no version', async () => {
    const ask = (over: object) => call(client(), 'getComparison', { monitor: 'departures', candidate: '', baseline: '', from: 0, to: 0, ...over }, soon);
    await expect(ask({ candidate: 'best' })).rejects.toMatchObject({ code: 'invalid', details: { field: 'candidate', got: 'best', expected: '"live" or a version such as 2' } });
    await expect(ask({ baseline: '-1' })).rejects.toMatchObject({ code: 'invalid', details: { field: 'baseline' } });
    await expect(ask({ from: 5, to: 5 })).rejects.toMatchObject({ code: 'invalid', details: { field: 'to' } });
    await expect(ask({ monitor: 'arrivals' })).rejects.toMatchObject({ code: 'not_found', details: { expected: 'departures' } });
    await expect(call(client(), 'listAlarms', { monitor: 'arrivals', since: 0 }, soon)).rejects.toMatchObject({ code: 'not_found' });
    await expect(call(client(), 'listPromotions', { monitor: '' }, soon)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('ask for no rollback of what is not live any more', async () => {
    await apply(monitor());
    await live(6, 5, 9, 42);
    for (let index = 42; index < 49; index++) await answer(index, [6, 0.97], [5, 0.9]);
    await live(7, 6, 10, 50);
    await services.runTimers(start + 51 * day);
    expect((await promotions())[4]).toMatchObject({ version: 6, verdict: 'hurt', rollbackRequested: false });
    expect(services.published('RollbackRequested')).toHaveLength(1);
  });

  it('are not begun by going back while another version is tried, also where that is told only with a later plan', async () => {
    const before = (await promotions()).map(({ version }) => version);
    await services.publish('TrafficRolledBack', 'departures', { deployment: 'departures', model: 'late', version: 7, digest: 'digest 7', live: 6, liveDigest: 'digest 6', by: 'ann', reason: 'too bold', revision: 11, promotion: 8, rolledBackAt: start + 51 * day });
    await live(6, 7, 12, 51, { stage: 'shadow', candidate: 8 });
    await services.settle();
    expect((await promotions()).map(({ version }) => version)).toEqual(before);
    // What somebody promotes afterwards is judged again.
    await live(8, 6, 13, 52);
    await services.settle();
    expect((await promotions()).map(({ version }) => version)).toEqual([...before, 8]);
  });

  it('cost what the policy declares', async () => {
    expect((await call(client(), 'listMonitors', {}, soon)).monitors[0].cost).toEqual({ unit: 'EUR', runs: 0, alarms: 0, ofRuns: 0, ofAlarms: 0, total: 0 });
  });
});
