import { chosenSteps, tell } from '../spec/killed-story';
import { newFolder, removeFolder, type StoryReport } from '../spec/platform-process';

const args = ['--once', '--rows', '10000'];

describe('the story of 10,000 flights, in which everything happens', () => {
  const folders: string[] = [];
  const fresh = (): string => {
    const folder = newFolder();
    folders.push(folder);
    return folder;
  };
  afterAll(() => folders.forEach(removeFolder));
  let first: StoryReport;

  it('closes the loop, with everything in it', async () => {
    first = await tell(fresh(), args);
    expect(first.retrainings).toBeGreaterThanOrEqual(1);
    expect(first.auditVerified).toBe(true);
    expect(first.counts.sent).toBe(first.counts.accepted + first.counts.duplicates + first.counts.quarantined);
    expect(first.rollbacks.map(({ by }) => by)).toContain('guard');
    expect(first.versions.map(({ state }) => state)).toEqual(expect.arrayContaining(['gates_unmet', 'rolled_back', 'champion']));
    expect(first.quarantine.mended).toBeGreaterThan(0);
  }, 300_000);

  it('gives the same digests in another empty folder', async () => {
    const second = await tell(fresh(), args);
    expect(second.digests).toEqual(first.digests);
    expect(second.versions).toEqual(first.versions);
  }, 300_000);

  it('gives the same digests after kills of the driver, of the platform, and of all together', async () => {
    const kills = chosenSteps(724).map((at, index) => ({ at, victim: (['driver', 'platform', 'group'] as const)[index] }));
    const third = await tell(fresh(), args, kills);
    expect({ kills, digests: third.digests, counts: third.counts }).toEqual({ kills, digests: first.digests, counts: first.counts });
    expect(third.deadLetters + third.parked).toBe(0);
  }, 600_000);
});
