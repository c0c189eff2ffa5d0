import { randomUUID } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { notFound } from '@rhei/contracts';
import { sha256 } from '@rhei/expressions';
import { BlobCache } from './blob-cache';
import { checkDigest, damaged } from './blob-digest';
import { ConfigError } from './config';
import { S3Blobs } from './s3-blobs';
import { readS3Url } from './s3-location';
import type { Blobs } from './transaction';

/**
 * The blob store that BLOBS names by its scheme. One that is reached over a network is not asked anything yet: its `check`
 * does that. `cache` is a folder for local copies of what is kept elsewhere.
 * @throws ConfigError when the folder cannot be written, or a password is missing
 */
export async function openBlobs(url: string, cache?: string): Promise<Blobs> {
  if (url.startsWith('s3:')) {
    const location = readS3Url(url);
    if (location.password === '') throw new ConfigError(`The blob store has a user "${location.user}" without a password. Name the file that holds it in BLOBS_PASSWORD_FILE.`);
    return S3Blobs.open(location, new BlobCache(cache));
  }
  const path = url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length);
  const folder = isAbsolute(path) ? path : resolve(path);
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, 2);
  } catch (error) {
    throw new ConfigError(`The blob folder ${folder} cannot be written (${(error as NodeJS.ErrnoException).code}). Change its owner, or set BLOBS to another one.`);
  }
  return new DirectoryBlobs(folder);
}

/** Blobs as files of one folder, named by their SHA-256; 256 subfolders keep each of them short. */
export class DirectoryBlobs implements Blobs {
  constructor(private readonly folder: string) {}

  async put(bytes: Uint8Array): Promise<string> {
    const digest = sha256(bytes);
    if (await this.holds(digest)) return digest;
    const folder = join(this.folder, digest.slice(0, 2));
    await mkdir(folder, { recursive: true });
    const temporary = join(folder, `.${digest}.${randomUUID()}`);
    try {
      const file = await open(temporary, 'wx', 0o644);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.fileOf(digest));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    // The new name is durable only once the folder is.
    const directory = await open(folder, 'r');
    await directory.sync().finally(() => directory.close());
    return digest;
  }

  async get(digest: string): Promise<Uint8Array> {
    let bytes: Buffer;
    try {
      bytes = await readFile(this.fileOf(digest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw notFound(`There is no blob ${digest}.`, { got: digest });
      throw error;
    }
    const got = sha256(bytes);
    if (got !== digest) throw damaged(digest, got);
    return bytes;
  }

  async path(digest: string): Promise<string> {
    await this.get(digest);
    return this.fileOf(digest);
  }

  async has(digest: string): Promise<boolean> {
    return access(this.fileOf(digest)).then(() => true, () => false);
  }

  /** Whether the bytes are there and sound; a damaged file is written again. */
  private async holds(digest: string): Promise<boolean> {
    return this.get(digest).then(() => true, () => false);
  }

  private fileOf(digest: string): string {
    checkDigest(digest);
    return join(this.folder, digest.slice(0, 2), digest);
  }
}
