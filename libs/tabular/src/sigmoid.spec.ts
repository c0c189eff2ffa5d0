import { exp, sigmoid } from './sigmoid';

describe('exp and sigmoid', () => {
  it('are within one unit in the last place of Math.exp', () => {
    for (let x = -650; x <= 650; x += 0.37) expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(3e-16);
    expect(exp(0)).toBe(1);
  });

  it('stay finite and between 0 and 1 at the ends', () => {
    expect(exp(1e9)).toBeLessThan(Infinity);
    expect(sigmoid(-1e9)).toBeGreaterThan(0);
    expect(sigmoid(1e9)).toBe(1);
    expect(sigmoid(0)).toBe(0.5);
  });

  it('keep the relative precision of small probabilities', () => {
    expect(sigmoid(-40) / Math.exp(-40)).toBeCloseTo(1, 12);
  });
});
