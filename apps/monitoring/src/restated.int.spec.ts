import { logLossOf } from '@rhei/statistics';
import { openDatabase, type TestDatabase } from '@rhei/testing';
import fc from 'fast-check';
import { monthlyPerformance, restatedWindows } from './figures.store';
import { keepLabels, newLabels, type Label } from './label.store';
import { monitorSpec } from './monitor/monitor-spec';
import { keepMonitor } from './monitor/monitor.store';
import { MonitoringModule } from './monitoring.module';
import { keepPredictions, rowsOf, type Prediction } from './prediction.store';
import { performanceOf } from './window/performance';
import { keepWindow } from './window/window.store';

const day = 86_400_000_000;
const now = 100 * day;
const asked = { deployment: 'departures', model: 'late', featureSet: 'lateness' };
const answer = (at: number, over: Partial<Prediction> = {}): Prediction =>
  ({ id: `p${at}`, version: 1, role: 'live', example: `e${at}`, asOf: at * day, happensAt: at * day, request: {}, probability: 0.1 + (at % 8) / 10, missing: [], ...over });
const truth = (example: string, revision: number, value: number, over: Partial<Label> = {}): Label => ({ featureSet: 'lateness', example, revision, value, matureFrom: 0, withdrawn: false, ...over });

describe('truth that changes', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openDatabase(MonitoringModule);
    await keepMonitor(database, 'departures', monitorSpec.parse({ deployment: 'departures', watch: ['outcome'] }), 0);
  }, 60_000);
  afterAll(() => database?.close());
  beforeEach(() => database.query('TRUNCATE prediction, label, closed_window CASCADE'));

  const window = (from: number, to: number): Promise<void> => keepWindow(database, {
    monitor: 'departures', from: from * day, to: to * day, decidedAt: (to + 2) * day, model: 'late', referenceVersion: 1, tests: [], untested: [], alarm: false, retraining: 'none', reason: '',
    logLoss: 0.5, coverage: 0.5, labelled: 1, rows: 2,
  });
  const figures = async () => ({ months: await monthlyPerformance(database, 'departures', now), windows: [...(await restatedWindows(database, 'departures', 'departures', now))].sort(([a], [b]) => a - b) });

  it('restates a closed window and leaves what it said when it closed', async () => {
    await keepPredictions(database, asked, [answer(1), answer(2), answer(3)]);
    await window(1, 3);
    await keepLabels(database, [truth('e1', 1, 1), truth('e2', 1, 0)]);
    expect((await figures()).windows).toEqual([[day, { rows: 2, labelled: 2, coverage: 1, logLoss: expect.closeTo((logLossOf(0.2, 1) + logLossOf(0.3, 0)) / 2, 12) }]]);
    await keepLabels(database, [truth('e1', 2, 0)]);
    expect((await figures()).windows[0][1].logLoss).toBeCloseTo((logLossOf(0.2, 0) + logLossOf(0.3, 0)) / 2, 12);
    await window(3, 5);
    expect([...(await restatedWindows(database, 'departures', 'departures', now, 3 * day))]).toMatchObject([[3 * day, { rows: 1, labelled: 0 }]]);
    const [kept] = await database.query<{ log_loss: number; labelled: string }>('SELECT log_loss, labelled FROM closed_window ORDER BY starts_at');
    expect([kept.log_loss, Number(kept.labelled)]).toEqual([0.5, 1]);
  });

  it('drops what is withdrawn, until it is stated again', async () => {
    await keepPredictions(database, asked, [answer(1), answer(2)]);
    await keepLabels(database, [truth('e1', 1, 1), truth('e2', 1, 0), truth('e1', 2, 0, { withdrawn: true })]);
    expect((await figures()).months).toMatchObject([{ predictions: 2, labelled: 1, baseRate: 0 }]);
    expect(await newLabels(database, 'lateness', -1, now)).toBe(1);
    expect((await rowsOf(database, 'departures', { from: 0, to: 5 * day }, now)).map(({ label }) => label)).toEqual([null, 0]);
    await keepLabels(database, [truth('e1', 3, 1)]);
    expect((await figures()).months).toMatchObject([{ predictions: 2, labelled: 2, baseRate: 0.5 }]);
    expect(await newLabels(database, 'lateness', -1, now)).toBe(2);
  });

  it('counts a revision from when it is known and mature', async () => {
    await keepPredictions(database, asked, [answer(1)]);
    await keepLabels(database, [truth('e1', 1, 1), truth('e1', 2, 0, { matureFrom: now + 1 })]);
    expect((await figures()).months).toMatchObject([{ baseRate: 1 }]);
  });

  it('counts what a canary and the fallback answered, gives a canary\'s loss to its version, the fallback none, and leaves shadows out', async () => {
    await keepPredictions(database, asked, [
      answer(1), answer(2, { role: 'canary', version: 2 }), answer(3, { role: 'fallback', version: 0, probability: null }), answer(4, { role: 'fallback', version: 0, probability: 0.9 }),
      answer(1, { role: 'shadow', version: 2 }), answer(2, { role: 'shadow', version: 1, probability: null }),
    ]);
    await keepLabels(database, [1, 2, 3, 4].map((at) => truth(`e${at}`, 1, 1)));
    await window(1, 5);
    const { months, windows } = await figures();
    expect(months.map(({ version, predictions, labelled, logLoss }) => [version, predictions, labelled, logLoss])).toEqual([[0, 2, 2, 0], [1, 1, 1, expect.closeTo(logLossOf(0.2, 1), 12)], [2, 1, 1, expect.closeTo(logLossOf(0.3, 1), 12)]]);
    expect(windows).toMatchObject([[day, { rows: 4, labelled: 4, coverage: 1, logLoss: expect.closeTo((logLossOf(0.2, 1) + logLossOf(0.3, 1)) / 2, 12) }]]);
  });

  it('leads, after any order of revisions, to the figures of a run from scratch', async () => {
    const examples = 12;
    const predictions = Array.from({ length: examples }, (_, at) => answer(at * 5 + 1, { version: 1 + (at % 2), role: at % 5 === 4 ? 'canary' : 'live' }));
    const revision = fc.record({ value: fc.constantFrom(0, 1), withdrawn: fc.boolean(), matureFrom: fc.constantFrom(0, now, now + 1) });
    const histories = fc.array(fc.array(revision, { maxLength: 4 }), { minLength: examples, maxLength: examples });
    await fc.assert(fc.asyncProperty(histories, fc.infiniteStream(fc.nat(1_000)), fc.integer({ min: 1, max: 7 }), async (revisions, keys, batch) => {
      const labels = revisions.flatMap((history, at) => history.map((one, number) => truth(predictions[at].example, number + 1, one.value, one)));
      const fresh = async (told: Label[], size: number, predictionsLast: boolean) => {
        await database.query('TRUNCATE prediction, label, closed_window CASCADE');
        if (!predictionsLast) await keepPredictions(database, asked, predictions);
        for (let from = 0; from < told.length; from += size) await keepLabels(database, told.slice(from, from + size));
        if (predictionsLast) await keepPredictions(database, asked, predictions);
        await window(1, 31);
        await window(31, 61);
        return figures();
      };
      const mixed = labels.map((one) => ({ one, key: keys.next().value as number })).sort((a, b) => a.key - b.key).map(({ one }) => one);
      const healed = await fresh([...mixed, ...mixed.slice(0, 3)], batch, true);
      expect(healed).toEqual(await fresh(labels, 1_000, false));
      // The same by hand, over the newest revision that counts.
      const rows = predictions.map((prediction, at) => {
        const newest = revisions[at].findLast(({ matureFrom }) => matureFrom <= now);
        return { ...prediction, label: newest === undefined || newest.withdrawn ? null : newest.value };
      });
      healed.windows.forEach(([, { logLoss, ...counts }], at) => {
        const { logLoss: own, ...rest } = performanceOf(rows.filter(({ happensAt }) => happensAt >= (1 + 30 * at) * day && happensAt < (31 + 30 * at) * day));
        expect(counts).toEqual(rest);
        if (own === undefined) expect(logLoss).toBeUndefined();
        else expect(logLoss).toBeCloseTo(own, 12);
      });
    }), { seed: 11, numRuns: 20 });
  }, 60_000);
});
