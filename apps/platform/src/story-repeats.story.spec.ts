import { newFolder, PlatformProcess, removeFolder, type StoryReport } from '../spec/platform-process';

describe('the story of 10,000 flights', () => {
  const folders: string[] = [];
  afterAll(() => folders.forEach(removeFolder));

  async function once(): Promise<StoryReport> {
    const folder = newFolder();
    folders.push(folder);
    const platform = PlatformProcess.start(folder, ['--once']);
    const { code, output } = await platform.ended;
    if (code !== 0) throw new Error(`exit ${code}\n${output.slice(-4000)}`);
    return platform.report();
  }

  it('gives the same digests in two empty folders, and closes the loop', async () => {
    const [first, second] = [await once(), await once()];
    expect(second.digests).toEqual(first.digests);
    expect(second.versions).toEqual(first.versions);
    expect(first.retrainings).toBeGreaterThanOrEqual(1);
    expect(first.auditVerified && second.auditVerified).toBe(true);
    expect(first.counts.sent).toBe(first.counts.accepted + first.counts.duplicates + first.counts.quarantined);
  }, 600_000);
});
