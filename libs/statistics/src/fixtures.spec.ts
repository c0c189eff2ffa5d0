import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { benjaminiHochberg, binomialInterval, blockBootstrap, histogram, psi, quantileEdges, wilsonInterval, windowTest } from '.';
import { betaCdf, normalQuantile } from './special';

interface Fixtures {
  psi: Array<{ expected: number[]; actual: number[]; psi: number }>;
  histograms: Array<{ values: Array<number | null>; bins: number; edges: number[]; counts: number[] }>;
  windows: Array<{ reference: number[][]; window: number[][]; statistic: number; share: number; median: number }>;
  bootstrap: { days: number[][]; mean: number; low: number; high: number };
  intervals: Array<{ successes: number; trials: number; level: number; wilson: [number, number]; exact: [number, number] }>;
  corrections: Array<{ pValues: number[]; adjusted: number[] }>;
  normalQuantiles: Array<[number, number]>;
  betaCdf: Array<[number, number, number, number]>;
}

// Made by fixtures/make_fixtures.py with NumPy and SciPy.
const fixtures = JSON.parse(readFileSync(join(__dirname, '../fixtures/numpy-scipy.json'), 'utf8')) as Fixtures;

const expectClose = (actual: number, expected: number, relative = 1e-11): void =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(relative * Math.max(Math.abs(expected), 1e-300));

describe('the numbers of NumPy and SciPy', () => {
  it.each(fixtures.psi)('PSI: $psi', ({ expected, actual, psi: value }) => expectClose(psi(expected, actual), value));

  it.each(fixtures.histograms.map((fixture, index) => ({ index, ...fixture })))('quantile edges and counts, case $index', ({ values, bins, edges, counts }) => {
    const own = quantileEdges(values, bins);
    expect(own.length).toBe(edges.length);
    own.forEach((edge, index) => expectClose(edge, edges[index], 1e-14));
    expect(histogram(values, edges)).toEqual(counts);
  });

  it.each(fixtures.corrections)('Benjamini-Hochberg: $pValues', ({ pValues, adjusted }) => {
    benjaminiHochberg(pValues, 0.05).adjusted.forEach((p, index) => expectClose(p, adjusted[index], 1e-14));
  });

  it.each(fixtures.intervals)('intervals of $successes in $trials at $level', ({ successes, trials, level, wilson, exact }) => {
    const [w, e] = [wilsonInterval(successes, trials, level), binomialInterval(successes, trials, level)];
    [[w.low, wilson[0]], [w.high, wilson[1]], [e.low, exact[0]], [e.high, exact[1]]].forEach(([own, theirs]) => expect(Math.abs(own - theirs)).toBeLessThan(1e-9 * Math.max(theirs, 1e-6)));
  });

  it.each(fixtures.normalQuantiles)('normal quantile of %d', (p, z) => expect(Math.abs(normalQuantile(p) - z)).toBeLessThanOrEqual(1e-13 * Math.max(1, Math.abs(z))));
  it.each(fixtures.betaCdf)('beta function at %d with %d and %d', (x, a, b, value) => expectClose(betaCdf(x, a, b), value, 1e-9));

  it.each(fixtures.windows.map((fixture, index) => ({ index, ...fixture })))('a window test against all of its draws, case $index', ({ reference, window, statistic, share, median }) => {
    const draws = 4_000;
    const bucketed = reference.map((counts, index) => ({ index, counts }));
    const result = windowTest({ reference: bucketed, window: window.map((counts, index) => ({ index: 12 + index, counts })), cycle: 2, draws, seed: 1, name: 'enumerated' });
    expectClose(result.statistic, statistic);
    // Four standard errors of a share from this many draws.
    expect(Math.abs(result.pValue - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / draws) + 1 / draws + 1e-9);
    expect(result.noise / median).toBeGreaterThan(0.7);
    expect(result.noise / median).toBeLessThan(1.4);
  });

  it('a bootstrap over days', () => {
    const { days, mean, low, high } = fixtures.bootstrap;
    const own = blockBootstrap(days, { draws: 5_000, seed: 3 });
    expect(own.mean).toBeCloseTo(mean, 6);
    expect(Math.abs(own.low - low)).toBeLessThan(0.05 * (high - low));
    expect(Math.abs(own.high - high)).toBeLessThan(0.05 * (high - low));
  });
});
