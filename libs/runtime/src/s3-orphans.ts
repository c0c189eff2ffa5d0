import { serviceNames, type ServiceName } from '@rhei/contracts';
import type { S3Blobs } from './s3-blobs';
import { patiently } from './s3-failure';
import { objectsBelow, type Found } from './s3-sweep';

const A_DAY = 24 * 3_600_000;
/** Milliseconds for which a blob that nobody claims stays where it is, and then aside. */
const A_WEEK = 7 * A_DAY;
/** Milliseconds for which a claim speaks for its service. Far less than a week: it is younger than what it is held against. */
const SPEAKS = 2 * A_DAY;

/**
 * Moves blobs aside that no service has claimed for a week, and removes those that have been aside for a week unclaimed.
 * Only when each of the six has claimed what it keeps within two days: `silent` names those that have not.
 *
 * Nothing in use is lost. A row is committed soon after its blob was put, so claims that were read days later name it; a blob
 * that was put again and not written, because it was there, is brought back by who reads it, or here, by the next claim.
 * @param now system time in milliseconds
 */
export async function orphans(blobs: S3Blobs, now: number): Promise<{ silent: ServiceName[]; found: AsyncGenerator<Found> }> {
  const claimed = new Set<string>();
  const silent: ServiceName[] = [];
  for (const service of serviceNames) {
    const claim = await blobs.claimOf(service);
    if (claim === undefined || now - claim.at > SPEAKS) silent.push(service);
    for (const digest of claim?.digests ?? []) claimed.add(digest);
  }
  return { silent, found: silent.length > 0 ? nothing() : unclaimed(blobs, claimed, now) };
}

async function* nothing(): AsyncGenerator<Found> {}

async function* unclaimed(blobs: S3Blobs, claimed: Set<string>, now: number): AsyncGenerator<Found> {
  const { client, location: { bucket }, place } = blobs;
  const digestOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);
  const move = (from: string, to: string) => patiently(place, `move ${from}`, async () => {
    await client.copyObject(bucket, to, `/${bucket}/${from}`);
    await client.removeObject(bucket, from);
  });
  for await (const { key, bytes, since } of objectsBelow(blobs, blobs.asidePrefix)) {
    const digest = digestOf(key);
    const remove = () => patiently(place, `remove ${key}`, () => client.removeObject(bucket, key));
    // What came here today may be on its way: another sweep that believes older claims is about to remove the original.
    if (claimed.has(digest)) yield { what: 'blob that is claimed again', key, bytes, since, verb: 'brought back', act: () => blobs.bringBack(digest).then(() => (now - since > A_DAY ? remove() : undefined)) };
    else if (now - since > A_WEEK) yield { what: 'orphaned blob', key, bytes, since, verb: 'removed', act: remove };
  }
  for await (const { key, bytes, since } of objectsBelow(blobs, blobs.blobPrefix)) {
    const digest = digestOf(key);
    if (now - since > A_WEEK && !claimed.has(digest)) yield { what: 'blob that nobody claims', key, bytes, since, verb: 'set aside', act: () => move(key, blobs.asideKeyOf(digest)) };
  }
}
