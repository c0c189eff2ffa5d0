import fc from 'fast-check';
import { withEmptyBuckets } from './buckets';
import { decideDrift } from './decide-drift';
import { bucketSums, rateTest, type BucketSum, type RateTestOptions } from './rate-test';

const dice = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

/** Days with a weather of their own: the rate of each lies around `rate`, and moves by `shift` from day `from` on. */
function days(seed: number, count: number, { rate = 0.2, clump = 0.08, rows = 80, shift = 0, from = 42 } = {}): BucketSum[] {
  const roll = dice(seed);
  return Array.from({ length: count }, (_, index) => {
    const today = rate + clump * (roll() - 0.5) + (index >= from ? shift : 0);
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += roll() < today ? 1 : 0;
    return { index, sum, size: rows };
  });
}
const testOf = (buckets: BucketSum[], over: Partial<RateTestOptions> = {}) =>
  rateTest({ reference: buckets.slice(0, 42), window: buckets.slice(42, 49), seed: 1, name: 'missing', measure: 'difference', draws: 299, ...over });

describe('a test of a rate', () => {
  it('gives the rate before and after, their difference, and the same answer in any order of the buckets', () => {
    const all = days(1, 49, { shift: 0.1 });
    const result = testOf(all);
    const rate = (buckets: BucketSum[]): number => buckets.reduce((sum, each) => sum + each.sum, 0) / buckets.reduce((sum, { size }) => sum + size, 0);
    expect(result.before).toBeCloseTo(rate(all.slice(0, 42)), 12);
    expect(result.after).toBeCloseTo(rate(all.slice(42)), 12);
    expect(result.effect).toBeCloseTo(result.after - result.before, 12);
    expect(rateTest({ reference: all.slice(0, 42).reverse(), window: all.slice(42).reverse(), seed: 1, name: 'missing', measure: 'difference', draws: 299 })).toEqual(result);
  });

  it('finds a shift in most windows, and nothing in more of the quiet ones than the p-value says', () => {
    const found = Array.from({ length: 60 }, (_, seed) => testOf(days(seed, 49, { shift: 0.08 }), { seed }).pValue <= 0.01).filter(Boolean).length;
    expect(found).toBeGreaterThan(45);
    const quiet = Array.from({ length: 200 }, (_, seed) => testOf(days(1_000 + seed, 49), { seed, draws: 199 }).pValue <= 0.05).filter(Boolean).length;
    expect(quiet).toBeGreaterThan(1);
    expect(quiet).toBeLessThan(20);
  });

  it('takes only a rise for a change where only a rise counts', () => {
    const better = days(3, 49, { shift: -0.1 });
    expect(testOf(better).pValue).toBeLessThan(0.01);
    expect(testOf(better, { side: 'above' })).toMatchObject({ pValue: 1, effect: expect.closeTo(-0.1, 1) });
    expect(testOf(days(3, 49, { shift: 0.1 }), { side: 'above' }).pValue).toBeLessThan(0.01);
  });

  it('compares a volume with the same places of the cycle, however many of them the reference holds', () => {
    const volume = (index: number): BucketSum => ({ index, sum: index % 7 >= 5 ? 20 : 100 + (index % 3), size: 1 });
    // 45 days: four weekdays more than whole weeks.
    const reference = Array.from({ length: 45 }, (_, index) => volume(index));
    const window = Array.from({ length: 7 }, (_, index) => volume(49 + index));
    const same = rateTest({ reference, window, seed: 1, name: 'volume', measure: 'relative' });
    expect(Math.abs(same.after / same.before - 1)).toBeLessThan(0.01);
    expect(same.pValue).toBeGreaterThan(0.05);
    const half = rateTest({ reference, window: window.map((bucket) => ({ ...bucket, sum: bucket.sum / 2 })), seed: 1, name: 'volume', measure: 'relative' });
    expect(half).toMatchObject({ effect: expect.closeTo(0.5, 1), pValue: 0.001 });
    expect(half.after).toBeCloseTo(half.before / 2, 0);
  });

  it('says a lasting silence', () => {
    const reference = Array.from({ length: 42 }, (_, index) => ({ index, sum: 50 + (index % 5), size: 1 }));
    const silent = withEmptyBuckets<BucketSum>([], 42, 49, (index) => ({ index, sum: 0, size: 1 }));
    expect(rateTest({ reference, window: silent, seed: 1, name: 'volume', measure: 'relative' })).toMatchObject({ effect: 1, after: 0, pValue: 0.001 });
  });

  it.each<[string, Partial<RateTestOptions>, string]>([
    ['a reference that is too short', { reference: days(1, 21) }, 'Wait for a longer reference'],
    ['a window without buckets', { window: [] }, 'has no buckets'],
    ['a window without rows', { window: [{ index: 42, sum: 0, size: 0 }] }, 'the window has no rows'],
    ['a reference without rows', { reference: days(1, 42, { rows: 0 }) }, 'the reference has no rows'],
    ['a change relative to nothing', { reference: days(1, 42).map((bucket) => ({ ...bucket, sum: 0 })), measure: 'relative' }, 'adds up to 0'],
  ])('refuses %s', (_, over, says) => expect(() => testOf(days(1, 49), over)).toThrow(says));

  it('does not depend on the unit in which a relative change is told, nor a difference on where zero lies', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 2, max: 9 }), (seed, factor) => {
      const all = days(seed, 49);
      const scaled = all.map(({ index, sum, size }) => ({ index, sum: sum * factor, size }));
      expect(testOf(scaled, { measure: 'relative', draws: 99 }).pValue).toBe(testOf(all, { measure: 'relative', draws: 99 }).pValue);
      const moved = all.map(({ index, sum, size }) => ({ index, sum: sum + size * factor, size }));
      expect(testOf(moved, { draws: 99 }).statistic).toBeCloseTo(testOf(all, { draws: 99 }).statistic, 9);
    }), { seed: 9, numRuns: 15 });
  });
});

describe('sums per bucket', () => {
  it('are by number of the bucket, in order, and only where there are rows', () =>
    expect(bucketSums([25, 1, -1, 26], [1, 0, 1, 0.5], 10)).toEqual([{ index: -1, sum: 1, size: 1 }, { index: 0, sum: 0, size: 1 }, { index: 2, sum: 1.5, size: 2 }]));
  it('can be filled up for a span', () =>
    expect(withEmptyBuckets(bucketSums([25], [1], 10), 1, 4, (index) => ({ index, sum: 0, size: 0 })).map(({ index, size }) => [index, size])).toEqual([[1, 0], [2, 1], [3, 0]]));
});

describe('floors of their own', () => {
  it('decide for each what is worth acting on', () => {
    const { verdicts } = decideDrift([{ name: 'volume', pValue: 0.001, effect: 0.1, floor: 0.2 }, { name: 'missing', pValue: 0.001, effect: 0.1, floor: 0.02 }, { name: 'late', pValue: 0.001, effect: 0.1 }]);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['small', 'alarm', 'alarm']);
  });
});
