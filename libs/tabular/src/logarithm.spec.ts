import { ln, softplus } from './logarithm';

describe('the logarithm', () => {
  it('is within one unit in the last place of the platform\'s', () => {
    for (let i = 1; i <= 20_000; i += 1) {
      const x = 1.0007 ** (i - 10_000) * (1 + (i % 7) / 10);
      expect(Math.abs(ln(x) - Math.log(x))).toBeLessThanOrEqual(Math.abs(Math.log(x)) * 2.3e-16 + 1e-300);
    }
  });

  it('is exact where the answer is', () => {
    expect([ln(1), ln(2), ln(0.5)]).toEqual([0, Math.LN2, -Math.LN2]);
  });

  it('makes a loss that stays finite where the odds are huge', () => {
    expect(softplus(0)).toBeCloseTo(Math.LN2, 15);
    expect(softplus(800)).toBe(800);
    expect(softplus(-800)).toBeGreaterThanOrEqual(0);
    expect(softplus(-3) + 3).toBeCloseTo(softplus(3), 14);
  });
});
