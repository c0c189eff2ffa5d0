import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { newFolder, PlatformProcess, removeFolder, root, smallStory, stepOf, type StoryReport } from '../spec/platform-process';

/** The small story in ten steps of a week: few enough to be killed at each boundary, long enough for a version to go live. */
function weeklyStory(folder: string): string {
  const story = parse(readFileSync(smallStory, 'utf8')) as { spec: { period: object; resources: string[]; expect: string[] } };
  story.spec.period = { from: '2001-01-01T00:00:00Z', to: '2001-03-12T00:00:00Z', step: '7d', time: 'row.date' };
  story.spec.resources = story.spec.resources.map((file) => join(dirname(smallStory), file));
  story.spec.expect = ['report.auditVerified', 'report.counts.predictions > 0'];
  const file = join(folder, 'weekly.yaml');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, stringify(story));
  return file;
}

const boundary = (data: string): string => JSON.stringify(stepOf(data) ?? null);

describe('a story that is killed at every phase boundary', () => {
  const folders: string[] = [];
  const fresh = (): string => {
    const folder = newFolder();
    folders.push(folder);
    return folder;
  };
  afterAll(() => folders.forEach(removeFolder));

  it('ends with the digests of the undisturbed one', async () => {
    const story = weeklyStory(fresh());
    const args = ['--once', '--story', story];
    const undisturbed = PlatformProcess.start(fresh(), args);
    expect((await undisturbed.ended).code).toBe(0);
    const expected = undisturbed.report();

    const data = fresh();
    let kills = 0;
    let report: StoryReport | undefined;
    for (let killedAt = ''; report === undefined;) {
      const platform = PlatformProcess.start(data, args);
      let ended: number | null | undefined;
      void platform.ended.then(({ code }) => { ended = code; });
      // The first boundary that was not killed at yet.
      while (ended === undefined && (boundary(data) === 'null' || boundary(data) === killedAt)) await pause(1);
      killedAt = boundary(data);
      if (!killedAt.includes('"done"')) {
        platform.killGroup();
        kills += 1;
        await platform.ended;
        continue;
      }
      expect((await platform.ended).code).toBe(0);
      report = platform.report();
    }
    expect(report.digests).toEqual(expected.digests);
    expect(report.counts).toEqual(expected.counts);
    const result = `${kills} kills, one at each of ${kills} phase boundaries: the digests are those of the undisturbed run.\n`;
    writeFileSync(join(root, 'docs', 'every-phase-boundary.md'), `# Killed at every phase boundary\n\nIn ten steps of a week, to the day on which a version answers.\n\nLast result of \`npm run test:long\`: ${result}\n${Object.entries(report.digests).map(([name, digest]) => `- ${name}: \`${digest}\``).join('\n')}\n`);
    expect(kills).toBeGreaterThanOrEqual(40);
  }, 1_800_000);
});
