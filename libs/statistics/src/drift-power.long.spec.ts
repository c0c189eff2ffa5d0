import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { page } from '../spec/power-page';
import { cases, settingOf, sizes, windowsFor, type Finding } from '../spec/power-study';
import { binomialInterval } from './intervals';

describe('the power of drift alarms', () => {
  const findings = new Map<number, Finding[]>();
  beforeAll(() => {
    const child = join(__dirname, '../spec/power-child.ts');
    const lines = execFileSync(process.execPath, ['-r', join(__dirname, '../../messaging/spec/register.cjs'), child], { encoding: 'utf8', maxBuffer: 1e7 }).trim().split('\n');
    for (const line of lines) {
      const { rows, found } = JSON.parse(line) as { rows: number; found: Finding[] };
      findings.set(rows, found);
    }
    writeFileSync(join(__dirname, '../../../docs/drift-power.md'), page(findings));
  }, 1_800_000);

  it.each(sizes)('finds at %d rows a day each shift within the stated windows, and alarms within its budget', (rows) => {
    const found = findings.get(rows)!;
    const late = found.filter((finding, at) => (windowsFor(finding) ?? Infinity) > (cases[at].within?.[rows] ?? Infinity));
    expect(late.map(({ name, foundBy }) => [name, ...foundBy])).toEqual([]);
    const [quiet] = found;
    expect(binomialInterval(quiet.false, quiet.windows).low).toBeLessThanOrEqual(settingOf(cases[0], rows).budget);
  });
});
