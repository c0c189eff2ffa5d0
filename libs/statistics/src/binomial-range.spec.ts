import { binomialRange } from './binomial-range';

describe('the range of a binomial count', () => {
  it('leaves at most 2.5 % on either side', () => {
    // Summed with exact fractions.
    expect(binomialRange(100, 0.5)).toEqual([40, 60]);
    expect(binomialRange(340, 0.01)).toEqual([0, 7]);
    expect(binomialRange(2000, 0.01)).toEqual([12, 29]);
    expect(binomialRange(5, 0.01)).toEqual([0, 1]);
  });

  it('is certain where chance has no part', () => {
    expect([binomialRange(20, 0), binomialRange(20, 1), binomialRange(0, 0.3)]).toEqual([[0, 0], [20, 20], [0, 0]]);
  });
});
