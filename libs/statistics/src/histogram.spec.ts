import fc from 'fast-check';
import { bucketsOf, placeOf } from './buckets';
import { binOf, categoricalBinning, histogram, histogramOf, labelsOf, numericBinning, quantileEdges, sizeOf } from './histogram';
import { psi } from './psi';

const counts = fc.array(fc.nat(1_000), { minLength: 2, maxLength: 12 }).filter((bins) => bins.some((count) => count > 0));
const pair = fc.integer({ min: 2, max: 12 }).chain((length) => {
  const side = fc.array(fc.nat(1_000), { minLength: length, maxLength: length }).filter((bins) => bins.some((count) => count > 0));
  return fc.tuple(side, side);
});

describe('PSI', () => {
  it('is zero against itself, at any scale', () => {
    fc.assert(fc.property(counts, fc.integer({ min: 1, max: 50 }), (bins, scale) => {
      const full = bins.map((count) => count + 1);
      expect(psi(full, full.map((count) => count * scale))).toBeCloseTo(0, 12);
      expect(psi(bins, bins)).toBe(0);
    }), { seed: 1 });
  });

  it('is symmetric, never negative, and blind to the order of the bins', () => {
    fc.assert(fc.property(pair, ([a, b]) => {
      expect(psi(a, b)).toBeCloseTo(psi(b, a), 10);
      expect(psi(a.toReversed(), b.toReversed())).toBeCloseTo(psi(a, b), 10);
      if (a.every((count) => count > 0) && b.every((count) => count > 0)) expect(psi(a, b)).toBeGreaterThanOrEqual(-1e-12);
    }), { seed: 2 });
  });

  it('counts a bin that is empty on one side as half an observation there, and ignores one that is empty on both', () => {
    const share = (0.5 / 100 - 0.1) * Math.log(0.5 / 100 / 0.1) + (1 - 0.9) * Math.log(1 / 0.9);
    expect(psi([90, 10, 0], [100, 0, 0])).toBeCloseTo(share, 12);
    expect(psi([90, 10], [100, 0])).toBe(psi([90, 10, 0], [100, 0, 0]));
  });

  it('refuses what are not two histograms', () => {
    expect(() => psi([1, 2], [1])).toThrow('must have the same bins; got 2 and 1');
    expect(() => psi([0, 0], [1, 1])).toThrow('expected histogram has no rows');
    expect(() => psi([1, 1], [1, -1])).toThrow('actual histogram has -1 in bin 1');
    expect(() => psi([1, Number.NaN], [1, 1])).toThrow('has NaN in bin 1');
  });
});

describe('a histogram of numbers', () => {
  it('counts every value once, what is missing in the last bin', () => {
    fc.assert(fc.property(fc.array(fc.option(fc.double())), fc.integer({ min: 1, max: 12 }), (values, bins) => {
      const own = histogramOf(values, numericBinning(values, bins));
      expect(own.reduce((a, b) => a + b, 0)).toBe(values.length);
      expect(own.at(-1)).toBe(values.filter((value) => value === null || Number.isNaN(value)).length);
    }), { seed: 3 });
  });

  it('fills bins of deciles about equally, and merges those that repeated values make equal', () => {
    const values = Array.from({ length: 1_000 }, (_, index) => (index * 7_919) % 1_000);
    expect(histogram(values, quantileEdges(values))).toEqual([...new Array<number>(10).fill(100), 0]);
    expect(quantileEdges([0, 0, 0, 0, 0, 0, 0, 0, 1, 1])).toEqual([1]);
    expect(quantileEdges([7, 7, 7])).toEqual([]);
    expect(quantileEdges([null, Number.NaN])).toEqual([]);
    expect(() => quantileEdges([1], 0)).toThrow('at least 1');
  });

  it('has open ends, counts truths as 0 and 1, and a text as missing', () => {
    const binning = { kind: 'numeric', edges: [0, 1] } as const;
    expect([-Infinity, -0.1, 0, 0.5, 1, Infinity, true, false, 'x', undefined].map(binOf(binning))).toEqual([0, 0, 1, 1, 2, 2, 2, 1, 3, 3]);
    expect(labelsOf(binning)).toEqual(['< 0', '0 – 1', '≥ 1', 'missing']);
    expect(labelsOf({ kind: 'numeric', edges: [] })).toEqual(['any', 'missing']);
  });
});

describe('a histogram of categories', () => {
  const binning = categoricalBinning(['b', 'a', 'c', 'a', null, 'd', 'b'], 3);
  it('knows the most frequent ones, and puts the rest under other', () => {
    expect(binning).toEqual({ kind: 'categorical', categories: ['a', 'b', 'c'] });
    expect(histogramOf(['a', 'd', 'never seen', null, undefined, 'c', 'constructor'], binning)).toEqual([1, 0, 1, 3, 2]);
    expect(labelsOf(binning)).toEqual(['a', 'b', 'c', 'other', 'missing']);
    expect(sizeOf(binning)).toBe(5);
  });

  it('does not depend on the order in which values came', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', null)), (values) => {
      expect(categoricalBinning(values.toReversed(), 3)).toEqual(categoricalBinning(values, 3));
    }), { seed: 4 });
  });
});

describe('buckets', () => {
  it('are numbered from the epoch, in order, and only where there are rows', () => {
    const binning = { kind: 'numeric', edges: [10] } as const;
    expect(bucketsOf([25, 1, -1, 26], [5, 20, null, 10], binning, 10)).toEqual([{ index: -1, counts: [0, 0, 1] }, { index: 0, counts: [0, 1, 0] }, { index: 2, counts: [1, 1, 0] }]);
    expect(() => bucketsOf([1], [], binning, 10)).toThrow('got 0 values and 1 instants');
  });

  it('have a place in the cycle, also before the epoch', () => {
    expect([-8, -7, -1, 0, 6, 7, 13].map((index) => placeOf(index, 7))).toEqual([6, 0, 6, 0, 6, 0, 6]);
  });
});
