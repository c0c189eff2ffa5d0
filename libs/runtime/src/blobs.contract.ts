import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { sha256 } from '@rhei/expressions';
import type { Blobs } from './transaction';

/** What every blob store promises. `damage` changes stored bytes behind its back. */
export const blobsContract = (open: () => Promise<{ blobs: Blobs; damage(digest: string): Promise<void> }>) => {
  let blobs: Blobs;
  let damage: (digest: string) => Promise<void>;
  beforeAll(async () => {
    ({ blobs, damage } = await open());
  });
  const text = (content: string) => Buffer.from(content);

  it('names bytes by their SHA-256 and gives them back', async () => {
    const digest = await blobs.put(text('panta rhei'));
    expect(digest).toBe(sha256('panta rhei'));
    expect(Buffer.from(await blobs.get(digest)).toString()).toBe('panta rhei');
  });
  it('keeps no bytes at all, and a great many', async () => {
    const many = randomBytes(5_000_000);
    for (const bytes of [Buffer.alloc(0), many]) expect(Buffer.compare(Buffer.from(await blobs.get(await blobs.put(bytes))), bytes)).toBe(0);
  });
  it('takes the same bytes again without a fuss, also from many at once', async () => {
    const digests = await Promise.all(Array.from({ length: 20 }, () => blobs.put(text('again'))));
    expect(new Set(digests)).toEqual(new Set([sha256('again')]));
  });
  it('says whether it has something', async () => {
    expect(await blobs.has(sha256('never'))).toBe(false);
    await expect(blobs.get(sha256('never'))).rejects.toMatchObject({ code: 'not_found' });
    expect(await blobs.has(await blobs.put(text('here')))).toBe(true);
  });
  it('gives a path to a local copy', async () => {
    expect(await readFile(await blobs.path(await blobs.put(text('local'))), 'utf8')).toBe('local');
    await expect(blobs.path(sha256('never'))).rejects.toMatchObject({ code: 'not_found' });
  });
  it('notices on every read that bytes are not what they were', async () => {
    const digest = await blobs.put(text('sound'));
    await damage(digest);
    await expect(blobs.get(digest)).rejects.toMatchObject({ code: 'internal', details: { reason: 'DIGEST_MISMATCH' } });
    await expect(blobs.path(digest)).rejects.toMatchObject({ code: 'internal' });
  });
  it('mends what was damaged when the bytes are put again', async () => {
    const digest = await blobs.put(text('sound'));
    await damage(digest);
    await blobs.put(text('sound'));
    expect(Buffer.from(await blobs.get(digest)).toString()).toBe('sound');
  });
  it('takes nothing for a name that is no digest', async () => {
    for (const name of ['', '../../etc/passwd', sha256('x').toUpperCase(), `${sha256('x')}/..`]) {
      await expect(blobs.get(name)).rejects.toMatchObject({ code: 'invalid' });
    }
  });
};
