import { cases, sizes, study, windowsFor } from '../spec/power-study';

const setting = { rows: sizes[0], worlds: 5, windows: 2, budget: 0.01, seed: 11 };
const named = (name: string) => cases.find((one) => one.name === name)!;

// A few worlds only: the study itself is `npm run test:long -- drift-power`, its table stands in docs/drift-power.md.
describe('a monitor with its defaults and five watched things, at 55 rows a day', () => {
  it.each(['mean + 0.5 deviations', 'spread × 1.5', 'mix 10 points', 'missing rate + 8 points', 'rows × 0.5'])('finds within two windows: %s', (name) =>
    expect(windowsFor(study(named(name), setting), 0.8)).toBeLessThanOrEqual(2));

  it('finds within four windows in most worlds: label rate + 12 points', () => expect(study(named('label rate + 12 points'), { ...setting, windows: 4 }).foundBy[3]).toBeGreaterThanOrEqual(0.6));

  it('finds nothing where nothing was injected, nor what lies below its floor', () => {
    expect(study(named('nothing'), setting).foundBy[1]).toBeLessThanOrEqual(0.2);
    expect(study(named('rows × 0.85'), setting).foundBy[1]).toBe(0);
  });
});
