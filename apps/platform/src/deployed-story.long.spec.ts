import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Deployment } from '../spec/deployment';
import { tell } from '../spec/killed-story';
import { newFolder, removeFolder, root, wholeStory, type StoryReport } from '../spec/platform-process';

interface Told extends StoryReport {
  seconds: { total: number };
}

const rows = ['--rows', '10000'];

const page = (deployed: Told, embedded: Told): string => [
  '# The whole story, deployed',
  '',
  'Written by `npm run test:long -- deployed-story`, which needs Docker and `npm run images`: 10,000 flights, with everything that goes wrong in real life, told by the public doors of the system of docker-compose.yml (six services, Kafka, MinIO, a PostgreSQL for each service), and by one process. Counts and digests are the same.',
  '',
  `- ${Object.entries(deployed.counts).map(([name, count]) => `${count} ${name}`).join(', ')}`,
  `- ${deployed.versions.length} versions, ${deployed.rollbacks.length} rollbacks; audit verified: ${deployed.auditVerified}`,
  `- ${deployed.seconds.total.toFixed(0)} s deployed, ${embedded.seconds.total.toFixed(0)} s in one process`,
  '',
  ...Object.entries(deployed.digests).map(([name, digest]) => `- ${name}: \`${digest}\``),
  '',
].join('\n');

describe('the whole story, deployed', () => {
  const folder = newFolder();
  let deployment: Deployment | undefined;
  afterAll(async () => {
    removeFolder(folder);
    await deployment?.down();
  }, 60_000);

  it('has the digests of one process', async () => {
    const embedded = await tell(folder, ['--once', ...rows]) as Told;
    deployment = await Deployment.up('rhei-whole', '127.0.0.3', wholeStory);
    const { code, output, report } = await deployment.replay(wholeStory, ...rows).ended;
    if (report === undefined) throw new Error(`exit ${code}\n${output.slice(-6_000)}`);
    const { counts, digests, deadLetters, parked, auditVerified } = report;
    expect({ counts, digests, deadLetters, parked, auditVerified }).toEqual({ counts: embedded.counts, digests: embedded.digests, deadLetters: 0, parked: 0, auditVerified: true });
    writeFileSync(join(root, 'docs', 'deployed-story.md'), page(report as Told, embedded));
  }, 3_600_000);
});
