import { setTimeout as pause } from 'node:timers/promises';
import { kill, newFolder, PlatformProcess, removeFolder, smallStory, stepOf, type StoryReport } from '../spec/platform-process';

type Victim = 'driver' | 'platform' | 'group';
const args = ['--once', '--story', smallStory];

/** Runs the small story in a folder, killing at the given steps, and starting it again each time. */
async function run(folder: string, kills: { at: number; victim: Victim }[]): Promise<StoryReport> {
  const left = [...kills];
  for (;;) {
    const platform = PlatformProcess.start(folder, args);
    const next = left.shift();
    if (next !== undefined) {
      let over = false;
      void platform.ended.then(() => { over = true; });
      while (!over && (stepOf(folder)?.step ?? -1) < next.at) await pause(5);
      // Anywhere within the step, not only at its beginning.
      await pause(Math.random() * 60);
      if (next.victim === 'driver') kill(platform.driver() ?? platform.pid);
      else if (next.victim === 'platform') kill(platform.pid);
      else platform.killGroup();
    }
    const { code, output } = await platform.ended;
    // What is left of the group must not go on beside the next start.
    platform.killGroup();
    if (next === undefined) {
      if (code !== 0) throw new Error(`exit ${code}\n${output.slice(-4000)}`);
      return platform.report();
    }
  }
}

const chosen = (steps: number): number[] => Array.from({ length: 3 }, () => 1 + Math.floor(Math.random() * (steps - 2))).sort((a, b) => a - b);

describe('a story that is killed', () => {
  const folders: string[] = [];
  const fresh = (): string => {
    const folder = newFolder();
    folders.push(folder);
    return folder;
  };
  let undisturbed: StoryReport;
  beforeAll(async () => { undisturbed = await run(fresh(), []); }, 300_000);
  afterAll(() => folders.forEach(removeFolder));

  it.each<Victim>(['driver', 'platform', 'group'])('ends with the same digests after three kills of the %s', async (victim) => {
    const kills = chosen(724).map((at) => ({ at, victim }));
    const report = await run(fresh(), kills);
    expect({ kills, digests: report.digests, counts: report.counts }).toEqual({ kills, digests: undisturbed.digests, counts: undisturbed.counts });
    expect(report.auditVerified).toBe(true);
    expect(report.deadLetters + report.parked).toBe(0);
  }, 600_000);
});
