import { serviceNames } from '@rhei/contracts';
import { eventually } from '@rhei/testing';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder, PlatformProcess, removeFolder, smallStory, stepOf, type StoryReport } from '../spec/platform-process';
import { ServiceProcess } from '../spec/replica';

const args = ['--once', '--story', smallStory];
const readJson = <T>(folder: string, name: string): T => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T;

/** One more replica of serving on the databases of a platform that runs in this folder. */
async function joinPlatform(folder: string): Promise<ServiceProcess> {
  const secrets = readJson<Record<string, string>>(folder, 'secrets.json');
  const { grpc } = readJson<{ grpc: string }>(folder, 'platform.json');
  const port = readFileSync(join(folder, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[3];
  const url = (database: string): string => `postgres://rhei_serving:${secrets['postgres.serving']}@127.0.0.1:${port}/${database}`;
  const peers = Object.fromEntries(serviceNames.filter((name) => name !== 'serving').map((name) => [`${name.toUpperCase()}_GRPC`, grpc]));
  const replica = await ServiceProcess.start('serving', {
    ...peers, HTTP_PORT: '0', GRPC_PORT: '0', CLOCK: 'replay', PRINCIPALS: join(folder, 'principals.json'), BLOBS: `file:${join(folder, 'blobs')}`,
    DATABASE_URL: url('serving'), EVENT_LOG: url('log'), TOKEN: readJson<Record<string, string>>(folder, 'tokens.json').serving,
  });
  await replica.ready();
  return replica;
}

describe('a story with two replicas of serving', () => {
  const folders: string[] = [];
  afterAll(() => folders.forEach(removeFolder));

  async function tell(beside: (folder: string, over: Promise<unknown>) => Promise<void> = async () => undefined): Promise<StoryReport> {
    const folder = newFolder();
    folders.push(folder);
    const platform = PlatformProcess.start(folder, args);
    try {
      await beside(folder, platform.ended);
      const { code, output } = await platform.ended;
      if (code !== 0) throw new Error(`exit ${code}\n${output.slice(-4000)}`);
      return platform.report();
    } finally {
      platform.killGroup();
    }
  }

  it('ends with the same digests as with one, although one is killed and another joins', async () => {
    const alone = await tell();
    const replicas: ServiceProcess[] = [];
    const step = (folder: string, at: number) => eventually(`step ${at}`, () => (stepOf(folder)?.step ?? -1) >= at, 240_000);
    try {
      const together = await tell(async (folder) => {
        await eventually('the platform is up', () => existsSync(join(folder, 'platform.json')), 60_000);
        replicas.push(await joinPlatform(folder));
        // Before the first version is live, and while the second one is made.
        await step(folder, 400);
        replicas[0].kill();
        replicas.push(await joinPlatform(folder));
      });
      expect(together.digests).toEqual(alone.digests);
      expect(together.counts).toEqual(alone.counts);
      expect(together.versions).toEqual(alone.versions);
      expect(together.auditVerified).toBe(true);
      expect(together.deadLetters + together.parked).toBe(0);
    } finally {
      replicas.forEach((one) => one.kill());
    }
  }, 600_000);
});
