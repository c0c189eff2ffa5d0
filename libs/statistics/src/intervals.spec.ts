import fc from 'fast-check';
import { binomialRange } from './binomial-range';
import { binomialInterval, blockBootstrap, wilsonInterval } from './intervals';
import { randomOf } from './random';

describe('a bootstrap over days', () => {
  const days = Array.from({ length: 20 }, (_, day) => Array.from({ length: 5 }, (_, row) => Math.sin(day * 7 + row) / 10 - 0.02 + (day % 3) * 0.05));

  it('is the same for the same seed and name, and another for another', () => {
    const once = blockBootstrap(days, { seed: 1, name: 'v2' });
    expect(blockBootstrap(days, { seed: 1, name: 'v2' })).toEqual(once);
    expect(blockBootstrap(days, { seed: 2, name: 'v2' }).low).not.toBe(once.low);
    expect(blockBootstrap(days, { seed: 1, name: 'v3' }).low).not.toBe(once.low);
    expect(once).toMatchObject({ rows: 100, days: 20 });
  });

  it('does not take copies of a row for new evidence', () => {
    const once = blockBootstrap(days, { seed: 1 });
    const copied = blockBootstrap(days.map((day) => [...day, ...day, ...day]), { seed: 1 });
    expect(copied.high - copied.low).toBeCloseTo(once.high - once.low, 10);
  });

  it('holds the mean, and moves and scales with the differences', () => {
    fc.assert(fc.property(fc.double({ min: -5, max: 5, noNaN: true }), fc.double({ min: 0.1, max: 10, noNaN: true }), (move, scale) => {
      const [a, b] = [blockBootstrap(days, { seed: 1, draws: 200 }), blockBootstrap(days.map((day) => day.map((x) => x * scale + move)), { seed: 1, draws: 200 })];
      expect(a.low).toBeLessThan(a.mean);
      expect(a.high).toBeGreaterThan(a.mean);
      for (const end of ['mean', 'low', 'high'] as const) expect(b[end]).toBeCloseTo(a[end] * scale + move, 9);
    }), { seed: 7, numRuns: 20 });
  });

  it('errs on either side as often as its level says, also with few days that differ from one another', () => {
    const trials = 400;
    const [least, most] = binomialRange(trials, 0.025);
    for (const count of [7, 14]) {
      let [above, below] = [0, 0];
      for (let trial = 0; trial < trials; trial++) {
        const random = randomOf(11, `nothing differs, ${count} days`, trial);
        // Sums of twelve uniform numbers are all but normal.
        const noise = (): number => Array.from({ length: 12 }, () => random() / 2 ** 32).reduce((sum, one) => sum + one, -6);
        const nothing = Array.from({ length: count }, () => {
          const ofTheDay = noise() / 2;
          return [noise(), noise(), noise(), noise()].map((one) => one + ofTheDay);
        });
        const { low, high } = blockBootstrap(nothing, { seed: trial, draws: 500 });
        if (low > 0) above++;
        if (high < 0) below++;
      }
      expect({ count, above: above >= least && above <= most, below: below >= least && below <= most }).toEqual({ count, above: true, below: true });
    }
  });

  it('leaves out days without rows and refuses fewer than two with rows', () => {
    expect(blockBootstrap([...days, []], { seed: 1 })).toEqual(blockBootstrap(days, { seed: 1 }));
    expect(() => blockBootstrap([[1, 2], []], { seed: 1 })).toThrow('at least two days with rows; got 1');
    expect(() => blockBootstrap([[1], [Number.NaN]], { seed: 1 })).toThrow('not a finite number');
  });
});

describe('an interval of a share', () => {
  it('lies between 0 and 1, holds the share, and is mirrored by failures', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 5_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (trials, share) => {
      const successes = Math.round(share * trials);
      for (const { low, high } of [wilsonInterval(successes, trials), binomialInterval(successes, trials)]) {
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(successes / trials);
        expect(high).toBeGreaterThanOrEqual(successes / trials);
      }
      const mirrored = binomialInterval(trials - successes, trials);
      expect(binomialInterval(successes, trials).low).toBeCloseTo(1 - mirrored.high, 9);
    }), { seed: 8 });
  });

  it('refuses what is not a share', () => {
    for (const [successes, trials] of [[1, 0], [2, 1], [-1, 5], [0.5, 5]]) expect(() => wilsonInterval(successes, trials)).toThrow(`got ${successes} of ${trials}`);
    expect(() => binomialInterval(0, 0)).toThrow('got 0 of 0');
  });
});

describe('random numbers', () => {
  it('are those of one (seed, purpose, id)', () => {
    const first = (seed: number | string, purpose: string, id: number): number => randomOf(seed, purpose, id)();
    expect(first(1, 'a', 1)).toBe(first(1, 'a', 1));
    expect(new Set([first(1, 'a', 1), first(2, 'a', 1), first(1, 'b', 1), first(1, 'a', 2), first('1', 'a', 1)]).size).toBe(5);
  });

  it('follow xoshiro128**', () => {
    // Computed apart from this code, from the reference of Blackman and Vigna with the first 16 bytes of SHA-256 of [1,"a",1] as its state.
    const random = randomOf(1, 'a', 1);
    expect([random(), random(), random(), random()]).toEqual([1991364283, 2102302842, 1680308540, 2970204856]);
  });
});
