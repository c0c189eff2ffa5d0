import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBlobs } from './blobs';
import { blobsContract } from './blobs.contract';

describe('a folder of blobs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'blobs-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const fileOf = (digest: string) => join(folder, digest.slice(0, 2), digest);

  blobsContract(async () => ({
    blobs: await openBlobs(`file:${folder}`),
    damage: async (digest) => writeFileSync(fileOf(digest), 'changed'),
  }));

  it('leaves no half-written file under a digest, and no temporary one', async () => {
    const blobs = await openBlobs(`file://${folder}`);
    const digest = await blobs.put(Buffer.from('whole'));
    expect(readdirSync(join(folder, digest.slice(0, 2))).filter((name) => name.startsWith('.'))).toEqual([]);
  });
  it('that cannot be written ends the start, and names the variable', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(openBlobs(`file:${file}/below`)).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(/cannot be written \(ENOTDIR\).*BLOBS/) });
  });
});
