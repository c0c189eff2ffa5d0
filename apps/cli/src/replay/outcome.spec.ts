import type { Doors } from './doors';
import { outcomeOf, trialsIn } from './outcome';
import { successorsIn } from './report';
import type { Rollback } from './rollbacks';

const day = 86_400_000_000;
const test = (effect: number, alarm: boolean) => ({ name: 'outcome', reference: 'fixed', slice: '', measure: 'psi', floor: 0.03, effect, alarm, pValue: 0.001, shown: false, rows: 100 });
const window = (index: number, effect: number, alarm = false) => ({ from: index * day, to: (index + 1) * day, decidedAt: (index + 2) * day, tests: [test(effect, alarm)], alarm, retraining: alarm ? 'declined' : 'none', reason: '' });
const promotion = (version: number, verdict: string, low: number, high: number, days = 14) => ({ model: 'late', version, replaced: 1, verdict, difference: (low + high) / 2, low, high, rows: 300, days, reason: '', judgedAt: day });
const performance = (version: number, predictions: number) => ({ version, month: '2001-03', predictions, labelled: predictions, logLoss: 0.5, baseRate: 0.2 });

/** Two monitors look at one deployment, a third at another. */
const monitors = [
  { name: 'first', deployment: 'gate', model: 'late', budget: 0.01 }, { name: 'second', deployment: 'gate', model: 'late', budget: 0.2 }, { name: 'third', deployment: 'shop', model: 'fraud', budget: 0.01 },
];
const answers: Record<string, (monitor: string) => unknown> = {
  listMonitors: () => ({ monitors }),
  listWindows: (monitor) => ({ windows: monitor === 'second' ? [window(0, 0.2, true), window(1, 0.3, true)] : [window(0, 0.01)] }),
  listPromotions: (monitor) => ({ promotions: monitor === 'first' ? [promotion(2, 'hurt', 0.01, 0.03), promotion(3, 'unclear', -0.01, 0.02), promotion(4, 'unclear', 0, 0), promotion(5, 'unclear', 0.01, 0.02, 4)] : [] }),
  getPerformance: (monitor) => ({ rows: monitor === 'third' ? [performance(1, 7)] : [performance(1, 40)] }),
  getComparison: () => ({ baseline: 1, overall: undefined, months: [], seen: 0, same: 0 }),
};
const doors = {
  tokens: { admin: 'a' },
  monitoring: Object.fromEntries(Object.entries(answers).map(([method, answer]) =>
    [method, ({ monitor }: { monitor: string }, _metadata: unknown, _options: unknown, done: (error: null, response: unknown) => void) => done(null, answer(monitor))])),
} as unknown as Doors;

describe('the outcome of a story with several monitors', () => {
  it('counts what a deployment answered once, however many monitors look at it, and knows its model', async () => {
    const { performance: rows, comparison } = await outcomeOf(doors, 'gate');
    expect(rows.map(({ deployment, model, version, predictions }) => [deployment, model, version, predictions])).toEqual([['gate', 'late', 1, 40], ['shop', 'fraud', 1, 7]]);
    expect(comparison).toMatchObject({ model: 'late', baseline: 1 });
  });

  it('holds each monitor to its own budget, and draws a line of its own for each', async () => {
    const { falseAlarms, effects, windows } = await outcomeOf(doors, 'gate');
    expect(windows).toEqual({ tested: 4, alarms: 2, declined: 2 });
    expect(falseAlarms.map(({ monitor, windows: tested, alarms, budget }) => [monitor, tested, alarms, budget])).toEqual([['first', 1, 0, 0.01], ['second', 2, 2, 0.2], ['third', 1, 0, 0.01]]);
    expect(effects.map(({ monitor, name, points }) => [monitor, name, points.length])).toEqual([['second', 'outcome', 2], ['first', 'outcome', 1], ['third', 'outcome', 1]]);
  });

  it('holds promotions to the error rate of a verdict, without those that had no interval, too few days, or were taken back before it', async () => {
    const { judged } = await outcomeOf(doors, 'gate');
    expect(judged.map(({ monitor, version }) => `${monitor} ${version}`)).toEqual(['first 2', 'first 3', 'first 4', 'first 5']);
    expect(trialsIn(judged, [])).toEqual({ judged: 2, hurt: 1, error: 0.025, interval: [0, 1], of: [{ model: 'late', version: 2, hurt: true }, { model: 'late', version: 3, hurt: false }] });
    const back = (version: number, at: string): Rollback => ({ deployment: 'gate', model: 'late', version, to: 1, by: 'guard', reason: '', at });
    expect(trialsIn(judged, [back(2, '1969-12-31T00:00:00Z'), back(3, '2100-01-01T00:00:00Z')])).toMatchObject({ judged: 1, hurt: 0, of: [{ version: 3 }] });
  });
});

describe('the successors of a first version', () => {
  const version = (model: string, number: number, state: string, liveFrom: string | null) => ({ model, version: number, state, liveFrom });
  const versions = [
    version('fraud', 1, 'retired', '1'), version('fraud', 2, 'champion', '5'),
    version('late', 1, 'gates_unmet', null), version('late', 2, 'champion', '3'), version('late', 3, 'gates_unmet', null), version('late', 4, 'outdated', null),
  ];

  it('are those of its own model that came after it', () => {
    expect(successorsIn(versions, 'late')).toEqual({ trained: 2, refused: 1, live: 0 });
    expect(successorsIn(versions, 'fraud')).toEqual({ trained: 1, refused: 0, live: 1 });
    expect(successorsIn(versions)).toEqual({ trained: 3, refused: 1, live: 1 });
    expect(successorsIn([version('late', 1, 'gates_unmet', null)])).toEqual({ trained: 0, refused: 0, live: 0 });
  });
});
