import { monitoring, runtime } from '@rhei/contracts';
import { hashUnit } from '@rhei/expressions';
import { call, connect, day, hour } from '@rhei/runtime';
import { instant, startServices, type RunningServices } from '@rhei/testing';
import { MonitoringModule } from './monitoring.module';
import { label, prediction, registered, shifted } from './told.fixture';

const start = instant('2001-01-01T00:00:00Z');
const rows = 40;
const soon = { deadline: 20_000 };
const unit = (purpose: string, index: number, row: number): number => hashUnit(1, purpose, `${index}/${row}`);
const distance = (index: number, row: number): number => 100 + 900 * unit('miles', index, row);

/** Six weeks from `start`: half of the flights are short, one in five is late. */
const profile = () => ({
  bucket: day, from: start, to: start + 42 * day,
  series: [
    { name: 'distance', origin: 'request', edges: [550], categories: [], buckets: counted((index, row) => (distance(index, row) < 550 ? 0 : 1), 3) },
    { name: 'outcome', origin: 'outcome', edges: [], categories: ['0', '1'], buckets: counted((index, row) => (unit('late', index, row) < 0.2 ? 1 : 0), 4) },
  ],
});
const counted = (bin: (index: number, row: number) => number, bins: number): { start: number; counts: number[] }[] =>
  Array.from({ length: 42 }, (_, index) => {
    const counts = new Array<number>(bins).fill(0);
    for (let row = 0; row < rows; row++) counts[bin(index, row)]++;
    return { start: start + index * day, counts };
  });

describe('monitoring', () => {
  let services: RunningServices;
  const open: { close(): void }[] = [];
  const client = (): monitoring.MonitoringServiceClient => {
    const made = connect(monitoring.MonitoringServiceClient, services.grpc, services.token('aud'));
    open.push(made);
    return made;
  };
  const resources = (): runtime.ResourceServiceClient => {
    const made = connect(runtime.ResourceServiceClient, services.grpc, services.token('dev'));
    open.push(made);
    return made;
  };
  const monitor = (changed: object = {}): runtime.Resource => ({
    kind: 'Monitor', name: 'departures', version: 0,
    specJson: JSON.stringify({ deployment: 'departures', watch: ['request.distance', 'outcome'], retrain: { when: 'alarms > 0', cooldown: '14d', minLabels: 200 }, ...changed }),
  });
  const others: runtime.Resource[] = [
    { kind: 'Deployment', name: 'departures', version: 0, specJson: '{"model":"late","featureSet":"lateness","ledger":"sync"}' },
    { kind: 'FeatureSet', name: 'lateness', version: 0, specJson: '{"request":{"distance":"double","departure":"timestamp"}}' },
  ];

  /** One day as serving and feature would tell it: predictions before, labels a day later, mature after two. */
  const live = async (index: number, late: number): Promise<void> => {
    await services.publish('PredictionServed', 0, {
      deployment: 'departures', model: 'late', featureSet: 'lateness', shard: 0,
      predictions: Array.from({ length: rows }, (_, row) => prediction({
        id: `p${index}-${row}`, asOf: start + index * day, exampleTime: start + index * day + row,
        requestJson: JSON.stringify({ distance: distance(index, row), departure: '2001-01-01T00:00:00Z' }),
      })),
    });
    await services.publish('ExampleLabelled', 0, {
      shard: 0,
      labels: Array.from({ length: rows - 2 }, (_, row) => label({
        example: `e${index}-${row}`, value: unit('late', index, row) < late ? 1 : 0, exampleTime: start + index * day + row,
        maturesAt: start + (index + 2) * day + row, arrival: start + (index + 1) * day, asOf: start + index * day,
      })),
    });
  };
  const windows = async (): Promise<monitoring.Window[]> => (await call(client(), 'listWindows', { monitor: 'departures' }, soon)).windows;

  beforeAll(async () => {
    services = await startServices([MonitoringModule], { clock: 'replay', at: start });
  }, 60_000);
  afterAll(async () => {
    for (const one of open) one.close();
    await services?.stop();
  });

  it('checks a monitor against the deployment and the fields of its feature set', async () => {
    const alone = await call(resources(), 'checkResources', { service: 'monitoring', resources: [monitor()] }, soon);
    expect(alone.problems).toMatchObject([{ path: '/spec/deployment', got: 'departures' }]);
    const wrong = monitor({ watch: ['request.departure', 'request.size', 'missing.size'], slices: ['request.distance'], retrain: { when: 'alarm > 0', cooldown: '1d', minLabels: 0 } });
    const { problems } = await call(resources(), 'checkResources', { service: 'monitoring', resources: [...others, wrong] }, soon);
    expect(problems.map(({ path }) => path).sort()).toEqual(['/spec/retrain/when', '/spec/slices/0', '/spec/watch/0', '/spec/watch/1', '/spec/watch/2']);
    expect(problems.find(({ path }) => path === '/spec/watch/2')).toMatchObject({ got: 'missing.size', expected: expect.stringContaining('missing.distance') });
    expect((await call(resources(), 'checkResources', { service: 'monitoring', resources: [...others, monitor()] }, soon)).problems).toEqual([]);
  });

  it('begins its first window when a version is live, whatever arrives first', async () => {
    await call(resources(), 'applyResources', { service: 'monitoring', resources: [...others, monitor()] }, soon);
    await services.publish('DeploymentApplied', 'departures', { name: 'departures', version: 1, specJson: others[0].specJson });
    await services.publish('TrainingPlanApplied', 'late', { name: 'late', version: 1, specJson: '{"model":"late","featureSet":"lateness"}' });
    await services.runTimers(start + 44 * day + 2 * hour);
    await services.publish('ModelVersionRegistered', 'late', registered({ version: 1, profile: profile(), asOf: start + 44 * day }));
    await services.publish('TrafficShifted', 'departures', shifted({ version: 1, revision: 1, shiftedAt: start + 44 * day + 2 * hour }));
    await services.publish('FeatureSetApplied', 'lateness', { name: 'lateness', version: 1, specJson: JSON.stringify({ request: { distance: 'double' }, label: { maturity: '2d' } }), longestWindow: 0, features: [] });
    await services.settle();
    const { monitors } = await call(client(), 'listMonitors', {}, soon);
    expect(monitors).toMatchObject([{ name: 'departures', deployment: 'departures', model: 'late', windows: 0, alarms: 0, nextWindowCloses: start + 54 * day, budget: 0.01, against: 'fixed' }]);
  });

  it('closes a week without an alarm when nothing has changed', async () => {
    for (let index = 45; index < 52; index++) await live(index, 0.2);
    await services.runTimers(start + 54 * day);
    expect(await windows()).toMatchObject([{
      from: start + 45 * day, to: start + 52 * day, decidedAt: start + 54 * day, referenceVersion: 1, alarm: false, retraining: 'none', rows: 280, coverage: 0.95,
      tests: [{ name: 'request.distance', alarm: false }, { name: 'outcome', alarm: false }],
    }]);
    expect(services.published('DriftDetected')).toEqual([]);
  });

  it('says of such a week, too, why nothing was retrained', async () => {
    const [{ reason }] = await windows();
    expect(reason).toMatch(/^no alarm, and alarms > 0 does not hold with 0 alarms and \d+ new mature labels$/);
    const [{ outcome }] = await services.database('monitoring').query<{ outcome: string }>(`SELECT outcome FROM decision WHERE action = 'window'`);
    expect(JSON.parse(outcome)).toMatchObject({ retraining: { action: 'none', reason } });
    const operations = connect(runtime.OperationsServiceClient, services.grpc, services.token('aud'));
    open.push(operations);
    // Any day of the week will do.
    const explained = await call(operations, 'explain', { service: 'monitoring', kind: 'window', id: 'departures/2001-02-18T12:00:00Z' }, soon);
    expect(explained).toMatchObject({ found: true, title: expect.stringContaining('no alarm'), lines: expect.arrayContaining([`retraining none: ${reason}`]) });
  });

  it('alarms and asks for a retraining when the world has changed', async () => {
    for (let index = 52; index < 59; index++) await live(index, 0.5);
    await services.runTimers(start + 61 * day);
    expect((await windows())[1]).toMatchObject({ alarm: true, retraining: 'requested', tests: [{ name: 'request.distance', alarm: false }, { name: 'outcome', alarm: true, pValue: 0.001 }] });
    expect(services.published('DriftDetected')).toMatchObject([{ monitor: 'departures', windowFrom: start + 52 * day, windowTo: start + 59 * day }]);
    expect(services.published('RetrainingRequested')).toMatchObject([{
      id: expect.stringMatching(/^retrain-[0-9a-f]{16}$/), model: 'late', deployment: 'departures', asOf: start + 61 * day,
      reason: expect.stringMatching(/^outcome differs from the reference of version 1 \(PSI 0\.\d+, p = 0\.001\), from 2001-02-22 to 2001-03-01; alarms > 0 holds with 1 alarm and \d+ new mature labels$/),
    }]);
  });

  it('puts on record why the next alarm leads to none', async () => {
    for (let index = 59; index < 66; index++) await live(index, 0.5);
    await services.runTimers(start + 68 * day);
    expect((await windows())[2]).toMatchObject({ alarm: true, retraining: 'declined', reason: expect.stringContaining('still under way; the cooldown of 14d lasts until 2001-03-17T00:00:00Z') });
    const decided = await services.database('monitoring').query<{ action: string; subject: string }>('SELECT action, subject FROM decision WHERE subject LIKE $1 ORDER BY subject, action', ['monitor/%/%']);
    expect(decided.map(({ action, subject }) => `${subject} ${action}`)).toEqual([
      'monitor/departures/2001-02-15T00:00:00Z window', 'monitor/departures/2001-02-22T00:00:00Z request-retraining', 'monitor/departures/2001-02-22T00:00:00Z window',
      'monitor/departures/2001-03-01T00:00:00Z decline-retraining', 'monitor/departures/2001-03-01T00:00:00Z window',
    ]);
  });

  it('lists what alarmed, and where from', async () => {
    const all = (await call(client(), 'listAlarms', { monitor: '', since: 0 }, soon)).alarms;
    expect(all.map(({ id }) => id)).toEqual(['departures/2001-02-22T00:00:00Z/outcome', 'departures/2001-03-01T00:00:00Z/outcome']);
    expect(all[0]).toMatchObject({ test: { name: 'outcome', reference: 'fixed', measure: 'psi', floor: 0.03, shown: false }, retraining: 'requested', referenceVersion: 1 });
    expect((await call(client(), 'listAlarms', { monitor: 'departures', since: start + 68 * day }, soon)).alarms).toHaveLength(1);
    const operations = connect(runtime.OperationsServiceClient, services.grpc, services.token('aud'));
    open.push(operations);
    expect(await call(operations, 'explain', { service: 'monitoring', kind: 'alarm', id: all[0].id }, soon)).toMatchObject({
      found: true, title: expect.stringMatching(/^Alarm: outcome differs from the reference of version 1 \(PSI/), causes: [{ kind: 'window', id: 'departures/2001-02-22T00:00:00Z' }],
    });
  });

  it('leaves a retraining under way while its version is only tried', async () => {
    const [{ id }] = services.published('RetrainingRequested');
    const ended = async (): Promise<number> => (await services.database('monitoring').query(`SELECT 1 FROM retraining WHERE id = $1 AND ended_at IS NOT NULL`, [id])).length;
    await services.publish('TrafficShifted', 'departures', shifted({ version: 1, replaces: 1, revision: 2, shiftedAt: start + 68 * day, stage: 'shadow', candidate: 2 }));
    await services.publish('TrafficShifted', 'departures', shifted({ version: 1, replaces: 1, revision: 3, shiftedAt: start + 68 * day, stage: 'canary', candidate: 2, share: 0.1 }));
    await services.settle();
    expect(await ended()).toBe(0);
    expect((await call(client(), 'listMonitors', {}, soon)).monitors[0].nextWindowCloses).toBe(start + 75 * day);
  });

  it('does not test a window that its reference overlaps', async () => {
    const { from, to, ...rest } = profile();
    await services.publish('ModelVersionRegistered', 'late', registered({ version: 2, profile: { ...rest, from: from + 27 * day, to: to + 27 * day }, asOf: start + 68 * day }));
    await services.publish('TrafficShifted', 'departures', shifted({ version: 2, replaces: 1, revision: 4, shiftedAt: start + 68 * day }));
    for (let index = 66; index < 73; index++) await live(index, 0.5);
    await services.runTimers(start + 75 * day);
    expect((await windows())[3]).toMatchObject({ referenceVersion: 2, tests: [], alarm: false, reason: expect.stringContaining('the window overlaps the reference of version 2') });
    const [{ id }] = services.published('RetrainingRequested');
    const operations = connect(runtime.OperationsServiceClient, services.grpc, services.token('aud'));
    open.push(operations);
    expect(await call(operations, 'explain', { service: 'monitoring', kind: 'retraining', id }, soon)).toMatchObject({
      found: true, lines: [expect.stringContaining('PSI'), 'ended 2001-03-10T00:00:00Z: version 2 is live'], causes: [{ service: 'monitoring', kind: 'window', id: 'departures/2001-02-22T00:00:00Z' }],
    });
    expect((await call(operations, 'getSummary', { service: 'monitoring' }, soon)).counts).toEqual({ predictionsSeen: 1120, labelled: 1064 });
  });

  it('ends what was asked for when its version goes back', async () => {
    const id = 'asked for by hand';
    await services.database('monitoring').query(
      `INSERT INTO retraining (id, monitor, model, window_starts_at, live_version, requested_at, reason, inputs) VALUES ($1, 'departures', 'late', 0, 2, $2, '', '{}')`, [id, start + 70 * day]);
    await services.publish('TrafficRolledBack', 'departures', {
      deployment: 'departures', model: 'late', version: 3, digest: 'digest 3', live: 2, liveDigest: 'digest 2', by: 'guard', reason: 'errors > 0.1', revision: 5, promotion: 3, rolledBackAt: start + 75 * day,
    });
    await services.settle();
    const [row] = await services.database('monitoring').query<{ ended_by: string }>('SELECT ended_by FROM retraining WHERE id = $1', [id]);
    expect(row.ended_by).toBe('version 3 was rolled back: errors > 0.1');
    await services.database('monitoring').query('DELETE FROM retraining WHERE id = $1', [id]);
  });

  it('tells the loss by version and month, and tells it anew when truth heals', async () => {
    const before = (await call(client(), 'getPerformance', { monitor: 'departures' }, soon)).rows;
    expect(before).toMatchObject([{ version: 1, month: '2001-02', predictions: 560, labelled: 532 }, { version: 1, month: '2001-03', predictions: 560, labelled: 532 }]);
    expect(before[0].logLoss).toBeCloseTo(-(before[0].baseRate * Math.log(0.2) + (1 - before[0].baseRate) * Math.log(0.8)), 9);
    await services.publish('ExampleLabelled', 0, { shard: 0, labels: [
      label({ example: 'e45-39', value: 1, maturesAt: start + 47 * day, arrival: start + 75 * day }),
      label({ example: 'e45-0', revision: 2, value: 1 - (unit('late', 45, 0) < 0.2 ? 1 : 0), maturesAt: start + 47 * day, arrival: start + 75 * day }),
    ] });
    await services.settle();
    const [after] = (await call(client(), 'getPerformance', { monitor: 'departures' }, soon)).rows;
    expect(after.labelled).toBe(533);
    expect(after.logLoss).not.toBe(before[0].logLoss);
    // The window says what it said when it closed, and beside it what is known now.
    const [first, second] = await windows();
    expect(first).toMatchObject({ rows: 280, labelled: 266, coverage: 0.95, restated: { rows: 280, labelled: 267 } });
    expect(first.restated!.logLoss).not.toBeCloseTo(first.logLoss, 6);
    expect(second).toMatchObject({ labelled: 266, restated: { rows: 280, labelled: 266, logLoss: expect.closeTo(second.logLoss, 12) } });
  });
});
