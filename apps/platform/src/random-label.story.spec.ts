import { tell } from '../spec/killed-story';
import { newFolder, randomStory, removeFolder, type StoryReport } from '../spec/platform-process';

interface RandomReport extends StoryReport {
  worth: { verdict: string; sentence: string };
  helped: { interval: [low: number, high: number] } | null;
  versions: (StoryReport['versions'][number] & { gates: { gate: string; passed: boolean }[] })[];
}

describe('a story whose label turns random in May', () => {
  it('reports that training again did not help, since nothing that was learnt from noise met its gates', async () => {
    const folder = newFolder();
    try {
      const report = await tell(folder, ['--once', '--story', randomStory]) as RandomReport;
      expect(report.worth).toEqual({ verdict: 'did not help', sentence: expect.stringMatching(/^Training again did not help: none of what was trained after the first version met its gates \(\d+ tried\)/) });
      expect(report.helped === null || report.helped.interval[1] >= 0).toBe(true);
      const [first, ...later] = report.versions;
      expect(first).toMatchObject({ version: 1, state: 'champion' });
      expect(later.length).toBeGreaterThanOrEqual(2);
      for (const { state, liveFrom, gates } of later) {
        expect([state, liveFrom, gates.find(({ gate }) => gate === 'better than the base rate')]).toEqual(['gates_unmet', null, expect.objectContaining({ passed: false })]);
      }
      expect(report.auditVerified).toBe(true);
    } finally {
      removeFolder(folder);
    }
  }, 600_000);
});
