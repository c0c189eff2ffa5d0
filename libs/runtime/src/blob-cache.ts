import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { systemTime } from './clock';
import { ConfigError } from './config';

const LIMIT = 2 * 1024 ** 3;
/** Milliseconds for which a copy that was handed out stays: a child process may not have opened it yet. */
const HANDED_OUT = 10 * 60_000;

/** Local copies of blobs that are kept elsewhere, for readers that need a path. What was used longest ago goes first. */
export class BlobCache {
  /** @param folder of this user alone. Default: one below the system's temporary folder. */
  constructor(private readonly folder = join(tmpdir(), `rhei-blobs-${process.getuid?.() ?? 0}`), private readonly limit = LIMIT) {}

  /** Errors: ConfigError where the folder cannot be written, or is somebody else's. */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      if (process.getuid !== undefined && (await stat(this.folder)).uid !== process.getuid()) throw new Error('it belongs to another user');
      await chmod(this.folder, 0o700);
    } catch (error) {
      throw new ConfigError(`The folder ${this.folder} for local copies of blobs cannot be used (${(error as Error).message}). Change its owner, or set BLOBS_CACHE to another one.`);
    }
  }

  /** The path of a sound copy. Its bytes are looked at each time: a disk forgets, and a program may have written to it. */
  async find(digest: string): Promise<string | undefined> {
    const path = join(this.folder, digest);
    if ((await digestOf(path)) !== digest) return undefined;
    const now = systemTime() / 1e6;
    await utimes(path, now, now).catch(() => undefined);
    return path;
  }

  /** Keeps the bytes, whose iteration fails when they are not what the digest says. Returns their path. */
  async keep(digest: string, bytes: AsyncIterable<Uint8Array>): Promise<string> {
    const path = join(this.folder, digest);
    const temporary = join(this.folder, `.${digest}.${randomUUID()}`);
    try {
      await pipeline(Readable.from(bytes), createWriteStream(temporary, { flags: 'wx', mode: 0o600 }));
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await this.shrink();
    return path;
  }

  private async shrink(): Promise<void> {
    const now = systemTime() / 1000;
    const found = await Promise.all((await readdir(this.folder)).map(async (name) => {
      const path = join(this.folder, name);
      const { size, mtimeMs } = await stat(path).catch(() => ({ size: 0, mtimeMs: now }));
      return { path, size, used: mtimeMs };
    }));
    let total = found.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size, used } of found.sort((a, b) => a.used - b.used)) {
      if (total <= this.limit || now - used < HANDED_OUT) break;
      await rm(path, { force: true });
      total -= size;
    }
  }
}

async function digestOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}
