import { hashUnit } from '@rhei/expressions';
import { byMonth, calibrationOf, compare, type Pair } from './comparison';
import { judge } from './judgement';

const day = 86_400_000_000;
const unit = (purpose: string, id: string): number => hashUnit(3, purpose, id);
/** Twenty days of questions, of which 30 % come true: the candidate says 0.3 and is right, the baseline says something else. */
const pairs = (baseline: number, candidate = 0.3, days = 20): Pair[] => Array.from({ length: days * 30 }, (_, at) => ({ at: Math.floor(at / 30) * day + at, candidate, baseline, label: unit('truth', String(at)) < 0.3 ? 1 : 0 }));
const options = { bucket: day, seed: 'departures late 2' };
const of = (all: Pair[]) => judge(compare(all, options), { version: 2, replaced: 1, atLeast: 200 });

describe('a comparison', () => {
  it('is the mean difference of the losses on the same questions, with an interval by days', () => {
    const all = pairs(0.6);
    const loss = (p: number): number => all.reduce((sum, { label }) => sum - Math.log(label === 1 ? p : 1 - p), 0) / all.length;
    const found = compare(all, options)!;
    expect(found).toMatchObject({ rows: 600, days: 20, difference: expect.closeTo(loss(0.3) - loss(0.6), 12), candidate: { logLoss: expect.closeTo(loss(0.3), 12) }, baseline: { logLoss: expect.closeTo(loss(0.6), 12) } });
    expect(found.low! < found.difference && found.difference < found.high!).toBe(true);
    expect(compare(all, options)).toEqual(found);
  });
  it('changes its sign when the two change places', () => {
    const all = pairs(0.6);
    const turned = all.map(({ candidate, baseline, ...rest }) => ({ ...rest, candidate: baseline, baseline: candidate }));
    expect(compare(turned, options)!.difference).toBeCloseTo(-compare(all, options)!.difference, 12);
  });
  it('has no interval within one day, and is nothing without a pair', () => {
    const oneDay = compare(pairs(0.6, 0.3, 1), options)!;
    expect([oneDay.rows, oneDay.days, oneDay.low, oneDay.high]).toEqual([30, 1, undefined, undefined]);
    expect(compare([], options)).toBeUndefined();
  });
  it('goes by calendar month', () => expect(byMonth([{ at: 3 }, { at: 1 }, { at: 2 }], (at) => (at > 2 ? '2001-02' : '2001-01'))).toEqual([['2001-01', [{ at: 1 }, { at: 2 }]], ['2001-02', [{ at: 3 }]]]));
});

describe('a verdict', () => {
  it('says that it helped when the whole interval lies below 0', () => expect(of(pairs(0.6))).toEqual({ verdict: 'helped', reason: expect.stringMatching(/^log loss of version 2 less that of version 1 on the same 600 predictions of 20 days: -0\.\d{4} \(95 % -0\.\d{4} to -0\.\d{4}\)$/) }));
  it('says that it hurt when the whole interval lies above 0', () => expect(of(pairs(0.3, 0.6)).verdict).toBe('hurt'));
  it('is unclear when the interval includes 0', () => expect(of(pairs(0.32, 0.28))).toMatchObject({ verdict: 'unclear', reason: expect.stringContaining('which includes 0') }));
  it('is unclear with too few rows, and says so', () => {
    expect(of(pairs(0.9, 0.3, 3))).toEqual({ verdict: 'unclear', reason: 'versions 2 and 1 have both scored 90 predictions whose labels are mature; a verdict takes 200' });
    expect(of([]).reason).toContain('have both scored 0 predictions');
  });
  it('is unclear on so few days that all may lean to one side by chance', () => {
    const on = (days: number) => judge(compare(pairs(0.3, 0.9, days), options), { version: 2, replaced: 1, atLeast: 10 });
    expect(on(1)).toEqual({ verdict: 'unclear', reason: 'the 30 predictions that versions 2 and 1 have both scored lie on 1 of 5 days that a verdict takes' });
    expect(on(4)).toEqual({ verdict: 'unclear', reason: 'the 120 predictions that versions 2 and 1 have both scored lie on 4 of 5 days that a verdict takes' });
    expect(on(5).verdict).toBe('hurt');
  });
});

it('sorts predictions into bins of about equally many, as the report of a run does', () => {
  const rows = Array.from({ length: 20 }, (_, index) => ({ probability: (19 - index) / 32, label: index % 2 }));
  const calibration = calibrationOf(rows);
  expect(calibration).toHaveLength(10);
  expect(calibration[0]).toEqual({ from: 0, to: 1 / 32, predicted: 1 / 64, observed: 0.5, rows: 2 });
  expect(calibrationOf([{ probability: 0.5, label: 0 }, { probability: 0.5, label: 1 }])).toEqual([{ from: 0.5, to: 0.5, predicted: 0.5, observed: 0.5, rows: 2 }]);
});
