import { chosenSteps, tell, type Victim } from '../spec/killed-story';
import { newFolder, removeFolder, smallStory, type StoryReport } from '../spec/platform-process';

const args = ['--once', '--story', smallStory];

describe('a story that is killed', () => {
  const folders: string[] = [];
  const fresh = (): string => {
    const folder = newFolder();
    folders.push(folder);
    return folder;
  };
  let undisturbed: StoryReport;
  beforeAll(async () => { undisturbed = await tell(fresh(), args); }, 300_000);
  afterAll(() => folders.forEach(removeFolder));

  it.each<Victim>(['driver', 'platform', 'group'])('ends with the same digests after three kills of the %s', async (victim) => {
    const kills = chosenSteps(724).map((at) => ({ at, victim }));
    const report = await tell(fresh(), args, kills);
    expect({ kills, digests: report.digests, counts: report.counts }).toEqual({ kills, digests: undisturbed.digests, counts: undisturbed.counts });
    expect(report.auditVerified).toBe(true);
    expect(report.deadLetters + report.parked).toBe(0);
  }, 600_000);
});
