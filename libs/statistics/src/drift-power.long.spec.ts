import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { page } from '../spec/power-page';
import { cases, settingOf, sizes, study, windowsFor, type Finding } from '../spec/power-study';
import { binomialInterval } from './intervals';

describe('the power of drift alarms', () => {
  const findings = new Map<number, Finding[]>();
  afterAll(() => writeFileSync(join(__dirname, '../../../docs/drift-power.md'), page(findings)));

  it.each(sizes)('finds at %d rows a day each shift within the stated windows, and alarms within its budget', (rows) => {
    const found = cases.map((one) => study(one, settingOf(one, rows)));
    findings.set(rows, found);
    const late = found.filter((finding, at) => (windowsFor(finding) ?? Infinity) > (cases[at].within?.[rows] ?? Infinity));
    expect(late.map(({ name, foundBy }) => [name, ...foundBy])).toEqual([]);
    const [quiet] = found;
    expect(binomialInterval(quiet.false, quiet.windows).low).toBeLessThanOrEqual(settingOf(cases[0], rows).budget);
  }, 1_800_000);
});
