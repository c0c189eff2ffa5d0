import fc from 'fast-check';
import type { Bucket } from './buckets';
import { benjaminiHochberg, decideDrift } from './decide-drift';
import { drawsFor, windowTest, type WindowTestOptions } from './window-test';

/** A small generator for the data only (mulberry32); what is tested makes its own choices. */
const dice = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};
const normal = (roll: () => number): number => Math.sqrt(-2 * Math.log(1 - roll())) * Math.cos(2 * Math.PI * roll());

/**
 * Days as real ones are: some busier, each with its own weather that moves all of its rows, and a pattern of the week.
 * `shift` moves the rows of the days from `from` on, in standard deviations.
 */
function clumpyDays(seed: number, days: number, { rows = 60, bins = 10, clump = 0.5, weekly = 0.4, shift = 0, from = 0 } = {}): Bucket[] {
  const roll = dice(seed);
  return Array.from({ length: days }, (_, index) => {
    const counts = new Array<number>(bins).fill(0);
    const middle = clump * normal(roll) + weekly * Math.sin((2 * Math.PI * index) / 7) + (index >= from ? shift : 0);
    const size = Math.round(rows * (0.7 + 0.6 * roll()));
    for (let row = 0; row < size; row++) {
      const share = 1 / (1 + Math.exp(-1.7 * (middle + normal(roll)) / Math.sqrt(1 + clump ** 2)));
      counts[Math.min(bins - 1, Math.floor(share * bins))]++;
    }
    return { index, counts };
  });
}

const testOf = (days: Bucket[], options: Partial<WindowTestOptions> = {}) =>
  windowTest({ reference: days.slice(0, 42), window: days.slice(42, 49), seed: 1, name: 'delay', ...options });

/** The p-value of the test that takes each row as its own evidence: chi-square of two histograms, by the normal approximation of Wilson and Hilferty. */
function rowwiseP(reference: Bucket[], window: Bucket[]): number {
  const sum = (buckets: Bucket[]): number[] => buckets[0].counts.map((_, bin) => buckets.reduce((total, { counts }) => total + counts[bin], 0));
  const [a, b] = [sum(reference), sum(window)];
  const [n, m] = [a, b].map((counts) => counts.reduce((x, y) => x + y, 0));
  const chi = a.reduce((total, count, bin) => total + (count + b[bin] === 0 ? 0 : (Math.sqrt(m / n) * count - Math.sqrt(n / m) * b[bin]) ** 2 / (count + b[bin])), 0);
  const k = a.length - 1;
  const z = (Math.cbrt(chi / k) - (1 - 2 / (9 * k))) / Math.sqrt(2 / (9 * k));
  return z > 0 ? Math.exp(-0.717 * z - 0.416 * z * z) / 2 : 1;
}

describe('a window test', () => {
  it('gives the same answer for the same seed and name, whatever the order of the buckets', () => {
    const days = clumpyDays(1, 49);
    const once = testOf(days);
    expect(testOf(days)).toEqual(once);
    expect(windowTest({ reference: days.slice(0, 42).reverse(), window: days.slice(42).reverse(), seed: 1, name: 'delay' })).toEqual(once);
    expect(testOf(days, { seed: 2 }).noise).not.toBe(once.noise);
    expect(testOf(days, { name: 'distance' }).noise).not.toBe(once.noise);
  });

  it('does not depend on the order of the bins, nor on where the weeks begin', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: -50, max: 50 }), (seed, weeks) => {
      const days = clumpyDays(seed, 49, { rows: 20 });
      const moved = days.map(({ index, counts }) => ({ index: index + 7 * weeks, counts: counts.toReversed() }));
      const [a, b] = [testOf(days, { draws: 99 }), testOf(moved, { draws: 99 })];
      expect(b.statistic).toBeCloseTo(a.statistic, 10);
      expect(b.pValue).toBe(a.pValue);
    }), { seed: 5, numRuns: 20 });
  });

  it('says that a window which is the reference again has not changed', () => {
    const days = clumpyDays(3, 42);
    const result = windowTest({ reference: days, window: days.map(({ index, counts }) => ({ index: index + 42, counts })), cycle: 7, atLeast: 0, seed: 1, name: 'same' });
    expect(result).toMatchObject({ statistic: 0, pValue: 1 });
  });

  it('never gives zero, and not less than one in draws + 1', () => {
    const days = clumpyDays(4, 49, { shift: 6, from: 42 });
    expect(testOf(days).pValue).toBe(1 / 1_000);
    expect(testOf(days, { draws: 1_999 }).pValue).toBe(1 / 2_000);
    expect([drawsFor(2, 0.01), drawsFor(30, 0.01)]).toEqual([999, 3_000]);
    expect(benjaminiHochberg([1 / 3_001, ...new Array<number>(29).fill(1)], 0.01).rejected[0]).toBe(true);
  });

  it('compares a weekend with weekends', () => {
    const roll = dice(9);
    const week = Array.from({ length: 49 }, (_, index) => {
      const weekend = index % 7 >= 5;
      const late = Math.round(100 * ((weekend ? 0.6 : 0.2) + 0.05 * normal(roll)));
      return { index, counts: [100 - late, late] };
    });
    const weekend = windowTest({ reference: week.slice(0, 42), window: week.slice(47, 49), seed: 1, name: 'late' });
    expect(weekend.statistic).toBeGreaterThan(0.1);
    expect(weekend.pValue).toBeGreaterThan(0.05);
  });

  it('refuses a reference that is too short, and says how much is missing', () => {
    const days = clumpyDays(5, 49);
    expect(() => testOf(days, { reference: days.slice(0, 35) })).toThrow('the window takes 1 bucket(s) at place 0 of the cycle of 7; the reference has 5 there and needs 6');
    expect(() => testOf(days, { window: [] })).toThrow('the window has no buckets');
    expect(() => testOf(days, { window: [{ index: 42, counts: [1] }] })).toThrow('has 10 bins and bucket 42 has 1');
    expect(() => testOf(days, { window: [{ index: 42, counts: new Array<number>(10).fill(0) }] })).toThrow('window histogram has no rows');
  });

  it('takes milliseconds', () => {
    const days = clumpyDays(6, 49);
    testOf(days);
    const started = process.hrtime.bigint();
    for (let time = 0; time < 20; time++) testOf(days, { seed: time });
    expect(Number(process.hrtime.bigint() - started) / 20 / 1e6).toBeLessThan(50);
  });
});

describe('alarms', () => {
  const replicates = 400;
  const weeks = Array.from({ length: replicates }, (_, seed) => clumpyDays(1_000 + seed, 49));

  it('keep their word where nothing has changed: p-values are about even, although a test by rows alarms in half of the windows', () => {
    const pValues = weeks.map((days, seed) => testOf(days, { draws: 199, seed }).pValue);
    const below = (bar: number): number => pValues.filter((p) => p <= bar).length / replicates;
    expect(below(0.05)).toBeGreaterThan(0.01);
    expect(below(0.05)).toBeLessThan(0.1);
    expect(below(0.25)).toBeGreaterThan(0.15);
    expect(below(0.25)).toBeLessThan(0.35);
    const byRows = weeks.filter((days) => rowwiseP(days.slice(0, 42), days.slice(42)) <= 0.05).length / replicates;
    expect(byRows).toBeGreaterThan(0.4);
  });

  it('stay within the budget over two things at once, at 1 % a window', () => {
    const budget = 0.01;
    const windows = 200;
    const alarms = Array.from({ length: windows }, (_, at) => decideDrift(
      [testOf(weeks[2 * at], { name: 'distance', draws: 299, seed: at }), testOf(weeks[2 * at + 1], { name: 'late', draws: 299, seed: at })],
      { budget, floor: 0 },
    ).alarms.length).filter((count) => count > 0).length;
    // Ten or more of 200 would happen once in 20,000 at 2 %, twice the budget.
    expect(alarms).toBeLessThan(10);
  });

  it('see a real shift in most windows', () => {
    const seen = Array.from({ length: 60 }, (_, seed) => {
      const shifted = testOf(clumpyDays(5_000 + seed, 49, { shift: 1, from: 42 }), { name: 'late', draws: 299, seed });
      return decideDrift([shifted, testOf(weeks[seed], { name: 'distance', draws: 299, seed })]).alarms.some(({ name }) => name === 'late');
    }).filter(Boolean).length;
    expect(seen / 60).toBeGreaterThan(0.8);
  });
});

describe('the decision', () => {
  const evidence = (name: string, pValue: number, effect: number, shownOnly = false) => ({ name, pValue, effect, shownOnly });

  it('alarms for what is beyond noise and above the floor, and says why not otherwise', () => {
    const { verdicts, alarms } = decideDrift([
      evidence('late', 0.001, 0.08), evidence('distance', 0.001, 0.02), evidence('hour', 0.3, 0.5), evidence('rate14d', 0.001, 0.9, true),
    ]);
    expect(verdicts.map(({ name, verdict }) => [name, verdict])).toEqual([['late', 'alarm'], ['distance', 'small'], ['hour', 'noise'], ['rate14d', 'shown']]);
    expect(verdicts.map(({ adjusted }) => adjusted)).toEqual([0.0015, 0.0015, 0.3, null]);
    expect(alarms.map(({ name }) => name)).toEqual(['late']);
  });

  it('spends one budget over all that a window tests: what would pass alone does not among many', () => {
    const many = Array.from({ length: 9 }, (_, index) => evidence(`quiet${index}`, 0.5, 0.1));
    expect(decideDrift([evidence('late', 0.005, 0.08)]).alarms).toHaveLength(1);
    expect(decideDrift([evidence('late', 0.005, 0.08), ...many]).alarms).toHaveLength(0);
    expect(decideDrift([evidence('late', 0.005, 0.08), ...many.map((quiet) => ({ ...quiet, shownOnly: true }))]).alarms).toHaveLength(1);
  });

  it('alarms at the floor itself, and decides nothing without tests', () => {
    expect(decideDrift([evidence('late', 0.001, 0.03)]).alarms).toHaveLength(1);
    expect(decideDrift([])).toEqual({ verdicts: [], alarms: [] });
    expect(() => decideDrift([evidence('late', Number.NaN, 1)])).toThrow('got NaN');
  });

  it('rejects more with a larger budget, and never a larger p-value before a smaller one', () => {
    fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), fc.double({ min: 0, max: 0.5, noNaN: true }), (pValues, budget) => {
      const { rejected, adjusted } = benjaminiHochberg(pValues, budget);
      const more = benjaminiHochberg(pValues, budget * 2).rejected;
      pValues.forEach((p, i) => {
        expect(adjusted[i]).toBeGreaterThanOrEqual(p);
        if (rejected[i]) expect(more[i]).toBe(true);
        pValues.forEach((other, j) => other < p && rejected[i] && expect(rejected[j]).toBe(true));
      });
    }), { seed: 6, numRuns: 50 });
  });
});
