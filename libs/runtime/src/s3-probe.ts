import { unavailable } from '@rhei/contracts';
import { ConfigError } from './config';
import type { S3Blobs, S3Client } from './s3-blobs';
import { faultOf, reasonOf } from './s3-failure';
import type { S3Location } from './s3-location';

const BYTES = Buffer.from('panta rhei');

/**
 * Tries all that blobs need of an endpoint, whatever its brand, so that it says what it cannot do before a model depends
 * on it.
 * @throws ConfigError with everything that is missing; `unavailable` while the endpoint is away
 */
export async function probe(blobs: S3Blobs): Promise<void> {
  const { client, location, place } = blobs;
  await ask(place, () => findBucket(client, location, place)).catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error;
    throw new ConfigError(`The blob store ${place} ${error.fault === 'refused' ? `does not let "${location.user}" in with this password` : 'cannot be used'} (${error.message}). Change BLOBS.`);
  });
  const [key, copy] = [blobs.stagingKey(), blobs.stagingKey()];
  const { bucket } = location;
  const missing: string[] = [];
  // Each builds on those before it: after the first that fails, only what was written is removed.
  const steps: [what: string, work: () => Promise<unknown>][] = [
    ['write an object', () => client.putObject(bucket, key, BYTES, BYTES.length)],
    ['read an object', async () => expectBytes(await client.getObject(bucket, key), BYTES)],
    ['read a range of an object', async () => expectBytes(await client.getPartialObject(bucket, key, 6, 3), BYTES.subarray(6, 9))],
    ['copy an object', () => client.copyObject(bucket, copy, `/${bucket}/${key}`)],
    ['tell the size of an object', async () => expectEqual((await client.statObject(bucket, copy)).size, BYTES.length)],
    ['list objects', async () => expectEqual((await list(client, bucket, key)).length, 1)],
    ['begin and abort an upload in parts', async () => client.abortMultipartUpload(bucket, copy, await client.initiateNewMultipartUpload(bucket, copy, {}))],
    ['remove an object', async () => {
      await client.removeObject(bucket, copy);
      await client.removeObject(bucket, key);
      expectEqual((await list(client, bucket, key)).length, 0);
    }],
  ];
  for (const [what, work] of steps) {
    await ask(place, work).catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
      missing.push(`${what} (${error.message})`);
    });
  }
  if (missing.length > 0) {
    await Promise.all([key, copy].map((name) => client.removeObject(bucket, name).catch(() => undefined)));
    throw new ConfigError(`The blob store ${place} cannot ${missing.join(', ')}. Give "${location.user}" the right to do so, or set BLOBS to another store.`);
  }
}

async function findBucket(client: S3Client, { bucket, prefix, region, create, user }: S3Location, place: string): Promise<void> {
  try {
    // Listing, not HEAD: an answer without a body cannot say whether the user, the password or the right is wrong.
    await list(client, bucket, prefix);
  } catch (error) {
    if (faultOf(error) !== 'no-bucket' && faultOf(error) !== 'missing') throw error;
    if (!create) throw new ConfigError(`The blob store ${place} has no bucket "${bucket}", and create=false forbids to make it. Make it, or change BLOBS.`);
    await client.makeBucket(bucket, region).catch((refused: { code?: string }) => {
      // Of several services that start together one is the first.
      if (refused.code === 'BucketAlreadyOwnedByYou') return;
      if (faultOf(refused) === 'away') throw refused;
      throw new ConfigError(`The blob store ${place} has no bucket "${bucket}", and "${user}" may not make it (${reasonOf(refused)}). Make it, or change BLOBS.`);
    });
  }
}

/** The endpoint was there and said no, or something else than expected. */
class Refusal extends Error {
  constructor(readonly fault: string, reason: string) {
    super(reason);
  }
}

/** One step. Errors: `unavailable` when the endpoint is away, Refusal when it says no. */
async function ask(place: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ConfigError || error instanceof Refusal) throw error;
    const fault = faultOf(error);
    if (fault !== 'away') throw new Refusal(fault, reasonOf(error));
    throw unavailable(`The blob store ${place} cannot be reached (${reasonOf(error)}).`, { reason: 'BLOBS_AWAY', retryAfter: 1_000 });
  }
}

function expectEqual(got: number, expected: number): void {
  if (got !== expected) throw new Refusal('answer', `expected ${expected}, got ${got}`);
}

async function expectBytes(stream: AsyncIterable<Uint8Array>, expected: Buffer): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const got = Buffer.concat(chunks);
  if (!got.equals(expected)) throw new Refusal('answer', `expected the bytes "${expected.toString()}", got ${got.length} bytes`);
}

const list = async (client: S3Client, bucket: string, prefix: string) => (await client.listObjectsV2Query(bucket, prefix, '', '', 1, '')).objects;
