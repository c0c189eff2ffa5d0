import { createHash, randomUUID } from 'node:crypto';
import type { Agent } from 'node:http';
import { invalid, notFound, tooLarge, type ServiceName } from '@rhei/contracts';
import { sha256 } from '@rhei/expressions';
import type { Client } from 'minio';
import type { BlobCache } from './blob-cache';
import { checkDigest, damaged } from './blob-digest';
import { systemTime } from './clock';
import type { S3Location } from './s3-location';
import { faultOf, patiently } from './s3-failure';
import { probe } from './s3-probe';
import { boundedTransport, working } from './s3-transport';
import type { Blobs } from './transaction';

export type { Client as S3Client } from 'minio';

const MiB = 1024 * 1024;
/** Bytes up to which an object goes up in one request; larger ones in parts of this size. */
const PART = 16 * MiB;
/** Parts on their way at once. */
const LANES = 3;
/** Bytes that `get` takes into memory. */
const LARGEST = 2 * 1024 * MiB;
/** Seconds for which a link may be good. */
const LONGEST_LINK = 3_600;

/**
 * Blobs in an S3 store, as `sha256/ab/abcd…` below a prefix. An object goes up under a key of its own for each attempt and
 * is then copied to where its digest belongs, so nobody ever sees half of one and no two writers share an upload.
 * What the store says about its bytes is not believed: they are hashed on every read.
 */
export class S3Blobs implements Blobs {
  /** For texts: where this is, without its password. */
  readonly place: string;

  private constructor(readonly client: Client, readonly location: S3Location, private readonly cache: BlobCache, private readonly agent: Agent) {
    const { host, port, bucket, prefix } = location;
    this.place = `s3://${host}:${port}/${bucket}/${prefix}`;
  }

  /** Nothing is asked of the endpoint yet: see {@link check}. */
  static async open(location: S3Location, cache: BlobCache): Promise<S3Blobs> {
    // Loaded when it is needed: most processes keep their blobs in a folder.
    const { Client } = await import('minio');
    const { host, port, tls, ca, region, user, password, timeout } = location;
    const { agent, transport } = boundedTransport(tls, ca, timeout);
    const client = new Client({
      endPoint: host, port, useSSL: tls, region, accessKey: user, secretKey: password, transport, transportAgent: agent,
      // It writes to the console, and knows no end of trying.
      retryOptions: { disableRetry: true },
    });
    return new S3Blobs(client, location, cache, agent);
  }

  /**
   * Tries what will be needed of the endpoint, and makes the bucket where that is allowed.
   * @throws ConfigError when it will not work as it is set up; `unavailable` while the endpoint is away
   */
  async check(): Promise<void> {
    await this.cache.prepare();
    await probe(this);
  }

  async put(bytes: Uint8Array): Promise<string> {
    const digest = sha256(bytes);
    if (await this.isSound(digest)) return digest;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    await patiently(this.place, `take blob ${digest}`, () => this.store(this.keyOf(digest), buffer));
    return digest;
  }

  async get(digest: string): Promise<Uint8Array> {
    return this.reading(digest, async (bytes) => {
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of bytes) {
        size += chunk.length;
        if (size > LARGEST) throw tooLarge(`The blob ${digest} has more than ${LARGEST} bytes: expected at most that many in memory. Read it by its path.`);
        chunks.push(chunk);
      }
      return Buffer.concat(chunks, size);
    });
  }

  async path(digest: string): Promise<string> {
    checkDigest(digest);
    await this.cache.prepare();
    return (await this.cache.find(digest)) ?? this.reading(digest, (bytes) => this.cache.keep(digest, bytes));
  }

  async has(digest: string): Promise<boolean> {
    const key = this.keyOf(digest);
    return (await this.found(digest, () => patiently(this.place, `look for blob ${digest}`, () => this.client.statObject(this.location.bucket, key)))) !== undefined;
  }

  /**
   * A link by which anybody can read the blob for 1 to 3600 seconds. The reader verifies the digest itself.
   * Errors: `invalid` for another duration, `not_found`.
   */
  async link(digest: string, seconds: number): Promise<string> {
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > LONGEST_LINK) {
      throw invalid(`A link is good for 1 to ${LONGEST_LINK} whole seconds: got ${seconds}.`, { field: 'seconds', expected: `1 to ${LONGEST_LINK}`, got: String(seconds) });
    }
    if (!(await this.has(digest))) throw absent(digest);
    return this.client.presignedGetObject(this.location.bucket, this.keyOf(digest), seconds);
  }

  async claim(service: ServiceName, keeps: () => Promise<string[]>): Promise<void> {
    // Before the rows are read: what is committed meanwhile is no part of the claim.
    const at = systemTime() / 1_000;
    const text = JSON.stringify({ service, at, digests: await keeps() });
    await patiently(this.place, `take the claim of ${service}`, () => this.store(this.claimKeyOf(service), Buffer.from(text)));
  }

  /** What a service has claimed last; `at` is system time in milliseconds. */
  async claimOf(service: ServiceName): Promise<{ at: number; digests: string[] } | undefined> {
    const text = await unlessMissing(() => patiently(this.place, `give the claim of ${service}`, async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await this.client.getObject(this.location.bucket, this.claimKeyOf(service))) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    }));
    return text === undefined ? undefined : (JSON.parse(text) as { at: number; digests: string[] });
  }

  /** Puts a blob that was set aside where it belongs, unless it is there again. Whether there was one aside; it stays there. */
  async bringBack(digest: string): Promise<boolean> {
    const { client, location: { bucket } } = this;
    const size = (key: string) => unlessMissing(async () => (await client.statObject(bucket, key)).size);
    return patiently(this.place, `bring back blob ${digest}`, async () => {
      const [key, aside] = [this.keyOf(digest), this.asideKeyOf(digest)];
      const bytes = await size(aside);
      if (bytes === undefined) return false;
      if ((await size(key)) === undefined) await unlessMissing(() => working(bytes, () => client.copyObject(bucket, key, `/${bucket}/${aside}`)));
      return true;
    });
  }

  close(): void {
    this.agent.destroy();
  }

  keyOf(digest: string): string {
    checkDigest(digest);
    return `${this.blobPrefix}${digest.slice(0, 2)}/${digest}`;
  }

  get blobPrefix(): string {
    return `${this.location.prefix}sha256/`;
  }

  /** Where the sweeper moves what nobody claims, before it removes it. */
  asideKeyOf(digest: string): string {
    checkDigest(digest);
    return `${this.asidePrefix}${digest}`;
  }

  get asidePrefix(): string {
    return `${this.location.prefix}aside/`;
  }

  /** A key that nobody else uses, for what is on its way; the sweeper finds it by its prefix when it was left behind. */
  stagingKey(): string {
    return `${this.stagingPrefix}${randomUUID()}`;
  }

  get stagingPrefix(): string {
    return `${this.location.prefix}staging/`;
  }

  private claimKeyOf(service: ServiceName): string {
    return `${this.location.prefix}claims/${service}`;
  }

  private async store(key: string, bytes: Buffer): Promise<void> {
    const { client, location: { bucket } } = this;
    const staging = this.stagingKey();
    const removed = () => client.removeObject(bucket, staging).catch(() => undefined);
    try {
      if (bytes.length <= PART) await client.putObject(bucket, staging, bytes, bytes.length);
      else await this.putInParts(staging, bytes);
      await working(bytes.length, () => client.copyObject(bucket, key, `/${bucket}/${staging}`));
      // A copy that failed half-way may still have been answered with 200.
      const { size } = await client.statObject(bucket, key);
      if (size !== bytes.length) throw new Error(`the copy has ${size} bytes instead of ${bytes.length}`);
    } catch (error) {
      // Not waited for: the endpoint may be away, and the sweeper removes what stays.
      void removed();
      throw error;
    }
    await removed();
  }

  private async putInParts(key: string, bytes: Buffer): Promise<void> {
    const { client, location: { bucket: bucketName } } = this;
    // The client's own way looks for an unfinished upload of the same key and joins it.
    const uploadID = await client.initiateNewMultipartUpload(bucketName, key, {});
    try {
      const parts: { part: number; etag: string }[] = [];
      let next = 0;
      const lane = async (): Promise<void> => {
        while (next * PART < bytes.length) {
          const index = next;
          next += 1;
          const slice = bytes.subarray(index * PART, (index + 1) * PART);
          parts[index] = await client.uploadPart({ bucketName, objectName: key, uploadID, partNumber: index + 1, headers: {} }, slice);
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      await working(bytes.length, () => client.completeMultipartUpload(bucketName, key, uploadID, parts.map(({ part, etag }) => ({ part, etag }))));
    } catch (error) {
      void client.abortMultipartUpload(bucketName, key, uploadID).catch(() => undefined);
      throw error;
    }
  }

  /** Whether the bytes are there and sound; a damaged object is written again. */
  private async isSound(digest: string): Promise<boolean> {
    const key = this.keyOf(digest);
    const got = await this.found(digest, () => patiently(this.place, `look at blob ${digest}`, async () => {
      const hash = createHash('sha256');
      for await (const chunk of await this.client.getObject(this.location.bucket, key)) hash.update(chunk as Buffer);
      return hash.digest('hex');
    }));
    return got === digest;
  }

  /** What `work` finds of a blob, which is brought back for it when the sweeper has set it aside. Undefined: there is no such blob. */
  private async found<T>(digest: string, work: () => Promise<T>): Promise<T | undefined> {
    return (await unlessMissing(work)) ?? ((await this.bringBack(digest)) ? unlessMissing(work) : undefined);
  }

  /** The bytes as they come; fails at their end when they are not what the digest says. */
  private async *verified(digest: string): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    for await (const chunk of await this.client.getObject(this.location.bucket, this.keyOf(digest))) {
      hash.update(chunk as Buffer);
      yield chunk as Buffer;
    }
    const got = hash.digest('hex');
    if (got !== digest) throw damaged(digest, got);
  }

  private async reading<T>(digest: string, take: (bytes: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
    checkDigest(digest);
    const attempt = async (): Promise<T> => {
      const taken = await this.found(digest, () => patiently(this.place, `give blob ${digest}`, async () => ({ result: await take(this.verified(digest)) })));
      if (taken === undefined) throw absent(digest);
      return taken.result;
    };
    // Once more where the bytes are wrong: they may have been changed on their way.
    return attempt().catch((error: { details?: { reason?: string } }) => {
      if (error.details?.reason !== 'DIGEST_MISMATCH') throw error;
      return attempt();
    });
  }
}

async function unlessMissing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (faultOf(error) === 'missing') return undefined;
    throw error;
  }
}

const absent = (digest: string) => notFound(`There is no blob ${digest}.`, { got: digest });
