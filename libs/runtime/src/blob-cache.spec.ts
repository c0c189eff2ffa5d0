import { mkdtempSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@rhei/expressions';
import { BlobCache } from './blob-cache';

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

describe('local copies of blobs', () => {
  let folder: string;
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'copies-')), 'below');
  });
  const keep = (cache: BlobCache, text: string) => cache.keep(sha256(text), once(text));

  it('are for this user alone', async () => {
    const cache = new BlobCache(folder);
    await cache.prepare();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(await keep(cache, 'mine')).mode & 0o777).toBe(0o600);
  });
  it('end the start where they cannot be kept', async () => {
    writeFileSync(folder, '');
    await expect(new BlobCache(folder).prepare()).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(/local copies of blobs cannot be used.*BLOBS_CACHE/) });
  });
  it('are not there when somebody has changed them', async () => {
    const cache = new BlobCache(folder);
    await cache.prepare();
    writeFileSync(await keep(cache, 'sound'), 'sound?');
    expect(await cache.find(sha256('sound'))).toBeUndefined();
  });
  it('leave nothing behind when their bytes end in an error', async () => {
    const cache = new BlobCache(folder);
    await cache.prepare();
    const broken = async function* () {
      yield Buffer.from('half');
      throw new Error('cut');
    };
    await expect(cache.keep(sha256('whole'), broken())).rejects.toThrow('cut');
    expect(readdirSync(folder)).toEqual([]);
  });
  it('make room: what was used longest ago goes first, and what was just handed out stays', async () => {
    const cache = new BlobCache(folder, 10);
    await cache.prepare();
    const paths = [await keep(cache, 'aaaa'), await keep(cache, 'bbbb')];
    for (const [index, path] of paths.entries()) utimesSync(path, 1_000 - index * 500, 1_000 - index * 500);
    await keep(cache, 'cccc');
    expect(readdirSync(folder).sort()).toEqual([sha256('aaaa'), sha256('cccc')].sort());
    await keep(cache, 'dddddddd');
    expect(readdirSync(folder).sort()).toEqual([sha256('cccc'), sha256('dddddddd')].sort());
  });
});
