import { feature, monitoring, runtime } from '@rhei/contracts';
import { hashUnit } from '@rhei/expressions';
import { call, connect, day, hour } from '@rhei/runtime';
import { instant, startServices, type RunningServices } from '@rhei/testing';
import { MonitoringModule } from '../monitoring.module';
import { label, prediction, registered, shifted } from '../told.fixture';

const start = instant('2001-01-01T00:00:00Z');
const soon = { deadline: 20_000 };
const rows = 40;
const unit = (purpose: string, index: number, row: number): number => hashUnit(6, purpose, `${index}/${row}`);

describe('a monitor with two references', () => {
  let services: RunningServices;
  const open: { close(): void }[] = [];
  const spec = {
    deployment: 'departures', watch: ['request.distance', 'request.port', 'missing.rate', 'volume', 'loss'], against: 'both', slices: ['request.port'], slicing: { rows: 60 }, reference: 3, floors: { loss: 0.05 },
  };
  const live = async (from: number, to: number, { stale = 0.1, version = 1, bold = 0 } = {}): Promise<void> => {
    for (let index = from; index < to; index++) {
      const asOf = start + index * day + hour;
      await services.publish('PredictionServed', 0, {
        deployment: 'departures', model: 'late', featureSet: 'lateness', shard: 0,
        predictions: Array.from({ length: rows }, (_, row) => prediction({
          id: `p${index}-${row}`, asOf, version, outputs: { probability: unit('bold', index, row) < bold ? 0.99 : 0.3 },
          requestJson: JSON.stringify({ distance: 100 + 900 * unit('distance', index, row), port: unit('port', index, row) < 0.6 ? 'HUB' : 'SPOKE' }),
          features: [feature.FeatureValue.fromPartial({ name: 'rate', ...(unit('stale', index, row) >= stale && { value: 0.5 }) })],
        })),
      });
      await services.publish('ExampleLabelled', 0, { shard: 0, labels: Array.from({ length: rows }, (_, row) => label({ example: `e${index}-${row}`, value: unit('late', index, row) < 0.3 ? 1 : 0, arrival: asOf, maturesAt: asOf })) });
    }
  };
  const windows = async (): Promise<monitoring.Window[]> => {
    const client = connect(monitoring.MonitoringServiceClient, services.grpc, services.token('aud'));
    open.push(client);
    return (await call(client, 'listWindows', { monitor: 'departures' }, soon)).windows;
  };
  const said = (window: monitoring.Window): string[] => window.tests.filter(({ alarm }) => alarm).map(({ name, reference, slice }) => `${name} ${reference} ${slice}`.trim());

  beforeAll(async () => {
    services = await startServices([MonitoringModule], { clock: 'replay', at: start });
    await services.publish('DeploymentApplied', 'departures', { name: 'departures', version: 1, specJson: '{"model":"late","featureSet":"lateness"}' });
    await services.publish('FeatureSetApplied', 'lateness', {
      name: 'lateness', version: 1, specJson: '{"request":{"distance":"double","port":"string"},"label":{"maturity":"1d"}}', longestWindow: 0, features: ['rate'],
    });
    await services.settle();
    const resources = connect(runtime.ResourceServiceClient, services.grpc, services.token('dev'));
    open.push(resources);
    await call(resources, 'applyResources', { service: 'monitoring', resources: [{ kind: 'Monitor', name: 'departures', version: 0, specJson: JSON.stringify(spec) }] }, soon);
    await services.publish('ModelVersionRegistered', 'late', registered({ version: 1, asOf: start - day }));
    await services.publish('TrafficShifted', 'departures', shifted({ version: 1, revision: 1, shiftedAt: start }));
    await services.settle();
  }, 60_000);
  afterAll(async () => {
    for (const one of open) one.close();
    await services?.stop();
  });

  it('tests nothing until it has windows of its own, and says for each thing why', async () => {
    await live(0, 14);
    await services.runTimers(start + 15 * day);
    const [first, second] = await windows();
    expect([first.tests, second.tests]).toEqual([[], []]);
    expect(first.untested.filter(({ slice }) => slice === '').map(({ name, reference, why }) => [name, reference, why])).toEqual([
      ['request.distance', 'fixed', 'the live version brought no reference profile'], ['request.port', 'fixed', 'the live version brought no reference profile'],
      ['missing.rate', 'fixed', 'the live version brought no reference profile'], ['volume', 'fixed', 'the live version brought no reference profile'],
      ['loss', 'fixed', 'version 1 is live since 2001-01-01T00:00:00Z, and its loss is held against its own first 3 cycles, which no fit has seen; they end 2001-01-22T00:00:00Z'],
      ...['request.distance', 'request.port', 'missing.rate', 'volume', 'loss'].map((name) => [name, 'moving', 'the moving reference takes 3 windows without an alarm; there are 0']),
    ]);
    expect(second.untested).toContainEqual({ name: 'volume', reference: 'moving', slice: '', why: 'the moving reference takes 3 windows without an alarm; there are 1' });
    expect(second.reason).toContain('no alarm, and the monitor has no retraining policy; not tested: request.distance, request.port, missing.rate, volume, because the live version brought no reference profile; loss, because');
  });

  it('holds a fourth window against its first three, by slices too, and a loss against the days after the version went live', async () => {
    await live(14, 28);
    await services.runTimers(start + 29 * day);
    const fourth = (await windows())[3];
    expect(said(fourth)).toEqual([]);
    expect(fourth.tests.filter(({ slice }) => slice === '').map(({ name, reference }) => `${name} ${reference}`)).toEqual(['loss fixed', 'request.distance moving', 'request.port moving', 'missing.rate moving', 'volume moving', 'loss moving']);
    expect(fourth.tests.filter(({ slice }) => slice === 'request.port=HUB').map(({ name }) => name)).toEqual(['request.distance', 'missing.rate', 'volume', 'loss']);
    expect(fourth.tests.find(({ name, slice }) => name === 'volume' && slice === '')).toMatchObject({ before: 40, after: 40, effect: 0 });
  });

  it('alarms for what has changed, and says against which reference', async () => {
    await live(28, 35, { stale: 0.6 });
    await services.runTimers(start + 36 * day);
    expect(said((await windows())[4])).toEqual(['missing.rate moving', 'missing.rate moving request.port=HUB', 'missing.rate moving request.port=SPOKE']);
    expect(services.published('DriftDetected')).toMatchObject([{ alarmsJson: expect.stringContaining('"against":"moving"') }]);
  });

  it('still holds the next windows against the world before, while no version has learnt the change', async () => {
    await live(35, 42);
    await live(42, 49, { stale: 0.6, bold: 0.4 });
    await services.runTimers(start + 50 * day);
    const [back, gone] = (await windows()).slice(5);
    expect(said(back)).toEqual([]);
    expect(said(gone)).toEqual(expect.arrayContaining(['loss fixed', 'missing.rate moving', 'loss moving']));
    // The window that alarmed lies among the quiet ones and is none of them.
    expect(gone.tests.find(({ name, slice }) => name === 'missing.rate' && slice === '')!.before).toBeLessThan(0.15);
  });

  it('begins anew once a version has learnt the change', async () => {
    await services.publish('ModelVersionRegistered', 'late', registered({ version: 2, asOf: start + 50 * day }));
    await services.publish('TrafficShifted', 'departures', shifted({ version: 2, replaces: 1, revision: 2, shiftedAt: start + 50 * day }));
    await live(49, 56, { stale: 0.6, version: 2 });
    await services.runTimers(start + 57 * day);
    const after = (await windows())[7];
    expect(after.tests).toEqual([]);
    expect(after.untested).toContainEqual({
      name: 'missing.rate', reference: 'moving', slice: '', why: 'the moving reference takes 3 windows without an alarm since the change in the window of 2001-02-12T00:00:00Z, which the live version has learnt; there are 0',
    });
    await live(56, 77, { stale: 0.6, version: 2 });
    await services.runTimers(start + 78 * day);
    const last = (await windows())[10];
    // Slices of a few rows a day, against three weeks only, are not what the budget speaks of.
    expect(last.tests.filter(({ alarm, slice }) => alarm && slice === '')).toEqual([]);
    expect(last.tests.find(({ name, reference }) => name === 'missing.rate' && reference === 'moving')!.before).toBeCloseTo(0.6, 1);
  });
});
