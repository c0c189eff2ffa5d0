import { binomialInterval } from '../src/intervals';
import { cases, settingOf, windowsFor, type Finding } from './power-study';

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** The page in docs/. */
export function page(findings: Map<number, Finding[]>): string {
  return `# What drift alarms find, and how soon

Written by \`npm run test:long -- drift-power\` (\`libs/statistics/spec\`): a monitor with its defaults watches five things (a number in ten bins, a category,
an outcome, a missing rate, the rows) under one budget of 1 % a window. Windows are weeks, the reference the six weeks before. Days are clumps: each has its own
weather, and weekends differ. From the reference's end on one thing is changed for good. Each line is ${settingOf(cases[1], 0).worlds} worlds; "found" is the
share of worlds in which the thing that was changed has alarmed by then. "Within" is the number of windows after which nine of ten worlds had found it; the
test holds what is marked with a dot. What has no number lies below the floor of what is worth acting on (PSI 0.03, 2 points of a missing rate, 20 % of the rows), or in the noise.
${[...findings].map(([rows, found]) => section(rows, found)).join('')}`;
}

function section(rows: number, found: Finding[]): string {
  const [quiet] = found;
  const { low, high } = binomialInterval(quiet.false, quiet.windows);
  const lines = found.slice(1).map((finding, at) => {
    const within = windowsFor(finding);
    const promised = cases[at + 1].within?.[rows] !== undefined;
    return `| ${finding.name} | ${effectOf(finding)} | ${percent(finding.foundBy[0])} | ${percent(finding.foundBy[1])} | ${percent(finding.foundBy[3])} | ${within ?? '–'}${promised ? ' ·' : ''} | ${finding.false} of ${finding.windows} |`;
  });
  return `
## ${rows} rows a day (${Math.round((rows * 181) / 1_000)},000 in half a year)

Where nothing was changed, ${quiet.false} of ${quiet.windows} windows alarmed, each in a world of its own: ${(100 * quiet.false / quiet.windows).toFixed(2)} % (95 % interval ${(100 * low).toFixed(2)} to ${(100 * high).toFixed(2)} %).

| changed | mean effect | found in window 1 | by 2 | by 4 | within | windows with another alarm |
|---|---|---|---|---|---|---|
${lines.join('\n')}
`;
}

const effectOf = ({ moves, effect }: Finding): string => (moves === 'missing' ? `${(100 * effect).toFixed(1)} points` : moves === 'volume' ? `${(100 * effect).toFixed(0)} %` : `PSI ${effect.toFixed(3)}`);
