import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chosenSteps, tell } from '../spec/killed-story';
import { newFolder, removeFolder, root, type StoryReport } from '../spec/platform-process';

interface WholeReport extends StoryReport {
  helped: { difference: number; interval: [number, number]; rows: number } | null;
  seconds: { total: number; by: Record<string, number> };
  worth: { sentence: string };
}

const args = ['--once', '--rows', '150000'];

function page(report: WholeReport, kills: readonly object[]): string {
  return [
    '# The whole story',
    '',
    'Written by `npm run test:long -- whole-story`: 150,000 flights, with everything that goes wrong in real life, told twice: undisturbed, and with kills of the driver, of the platform and of all together. Both end with the same digests.',
    '',
    `- ${report.worth.sentence}`,
    `- ${Object.entries(report.counts).map(([name, count]) => `${count} ${name}`).join(', ')}`,
    `- ${report.versions.length} versions, ${report.rollbacks.length} rollbacks, ${report.retrainings} that a change caused went live; audit verified: ${report.auditVerified}`,
    `- ${report.seconds.total.toFixed(0)} s (${Object.entries(report.seconds.by).map(([what, seconds]) => `${what} ${seconds.toFixed(0)}`).join(', ')})`,
    `- kills: ${JSON.stringify(kills)}`,
    '',
    ...Object.entries(report.digests).map(([name, digest]) => `- ${name}: \`${digest}\``),
    '',
  ].join('\n');
}

describe('the story of 150,000 flights', () => {
  const folders: string[] = [];
  const fresh = (): string => {
    const folder = newFolder();
    folders.push(folder);
    return folder;
  };
  afterAll(() => folders.forEach(removeFolder));

  it('shows that training again helped, and gives the same digests after kills', async () => {
    const report = await tell(fresh(), args) as WholeReport;
    expect(report.helped!.rows).toBeGreaterThanOrEqual(20_000);
    expect(report.helped!.interval[1]).toBeLessThan(0);
    const kills = chosenSteps(724).map((at, index) => ({ at, victim: (['driver', 'platform', 'group'] as const)[index] }));
    const again = await tell(fresh(), args, kills);
    expect({ kills, digests: again.digests, counts: again.counts }).toEqual({ kills, digests: report.digests, counts: report.counts });
    writeFileSync(join(root, 'docs', 'whole-story.md'), page(report, kills));
  }, 7_200_000);
});
