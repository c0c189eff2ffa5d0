import { randomUUID } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { notFound, RheiError } from '@rhei/contracts';
import { sha256 } from '@rhei/expressions';
import { ConfigError } from './config';
import type { Blobs } from './transaction';

/** The blob store that BLOBS names by its scheme. */
export async function openBlobs(url: string): Promise<Blobs> {
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
    if (got !== digest) {
      throw new RheiError('internal', `The blob ${digest} holds bytes with the digest ${got}: it was changed or damaged. Restore it from a backup.`, { reason: 'DIGEST_MISMATCH', expected: digest, got });
    }
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
    // A digest comes from outside at times, and becomes part of a path.
    if (!/^[0-9a-f]{64}$/.test(digest)) throw new RheiError('invalid', `A blob is named by a SHA-256 in lower-case hex: got "${digest.slice(0, 80)}".`);
    return join(this.folder, digest.slice(0, 2), digest);
  }
}
