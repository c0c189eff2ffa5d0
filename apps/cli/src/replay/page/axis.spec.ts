import { monthAxis, nameAxis, numberAxis } from './axis';
import { drawPlot } from './plot';

describe('an axis', () => {
  it.each([
    [[0.4312, 0.4388], '0.430 0.432 0.434 0.436 0.438 0.440'],
    [[0, 1], '0.0 0.2 0.4 0.6 0.8 1.0'],
    [[-0.022, 0], '-0.025 -0.020 -0.015 -0.010 -0.005 0.000'],
    [[3, 3], '3 4'],
    [[120, 980], '0 200 400 600 800 1000'],
  ])('marks %j at round values and holds all of them', (values, ticks) => {
    const axis = numberAxis('value', values);
    expect(axis.ticks.map(({ text }) => text).join(' ')).toBe(ticks);
    expect(axis.from).toBeLessThanOrEqual(Math.min(...values));
    expect(axis.to).toBeGreaterThanOrEqual(Math.max(...values));
  });

  it('marks the months that begin within it', () => {
    const [from, to] = ['2024-11-15', '2025-02-01'].map((day) => Date.parse(`${day}T00:00:00Z`) * 1000);
    expect(monthAxis('time', from, to).ticks.map(({ text }) => text)).toEqual(['2024-12', '2025-01', '2025-02']);
  });
});

describe('a plot', () => {
  const plain = { title: 'a < b', description: 'one & all', x: nameAxis('month', ['jan', 'feb']), y: numberAxis('loss', [0, 1]), series: [{ name: 'one', points: [{ x: 0, y: 0.25, low: 0, high: 0.5 }, { x: 1, y: 1 }] }] };

  it('places values by its axes, the higher the further up', () => {
    const circles = [...drawPlot(plain).matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
    // The last circle is the sample in the legend.
    expect(circles).toHaveLength(3);
    expect(circles[0][0]).toBeLessThan(circles[1][0]);
    expect(circles[0][1]).toBeGreaterThan(circles[1][1]);
    expect(circles[1][1]).toBe(46);
  });

  it('escapes what it is told to write', () => {
    const svg = drawPlot(plain);
    expect(svg).toContain('<title id="title">a &lt; b</title>');
    expect(svg).toContain('one &amp; all');
  });
});
