import type { S3Blobs } from './s3-blobs';
import { patiently } from './s3-failure';

/** Milliseconds after which nobody can still be writing what was begun. */
const A_DAY = 24 * 3_600_000;

/** Something to sweep: `act` does it. */
export interface Found {
  what: string;
  key: string;
  /** 0 where the store does not say it. */
  bytes: number;
  /** Milliseconds, by the store's clock. */
  since: number;
  /** In the past tense: what `act` will have done. */
  verb: string;
  act(): Promise<unknown>;
}

/**
 * What uploads left behind that ended half-way: staged objects and unfinished uploads, a day old.
 * @param now system time in milliseconds
 */
export async function* leftovers(blobs: S3Blobs, now: number): AsyncGenerator<Found> {
  const { client, location: { bucket }, place, stagingPrefix } = blobs;
  for await (const { key, bytes, since } of objectsBelow(blobs, stagingPrefix)) {
    if (now - since > A_DAY) yield { what: 'staged object', key, bytes, since, verb: 'removed', act: () => patiently(place, `remove ${key}`, () => client.removeObject(bucket, key)) };
  }
  // Of the whole bucket: MinIO finds no upload by the beginning of its key.
  for (let [more, last, id] = [true, '', '']; more; ) {
    const page = await patiently(place, 'list unfinished uploads', () => client.listIncompleteUploadsQuery(bucket, '', last, id, ''));
    for (const { key, uploadId, initiated } of page.uploads) {
      const since = initiated?.getTime() ?? now;
      if (!key.startsWith(stagingPrefix) || now - since <= A_DAY) continue;
      yield { what: 'unfinished upload', key, bytes: 0, since, verb: 'removed', act: () => patiently(place, `abort the upload of ${key}`, () => client.abortMultipartUpload(bucket, key, uploadId)) };
    }
    [more, last, id] = [page.isTruncated, page.nextKeyMarker, page.nextUploadIdMarker];
  }
}

/** All objects whose key begins so, page by page. */
export async function* objectsBelow({ client, location: { bucket }, place }: S3Blobs, prefix: string): AsyncGenerator<{ key: string; bytes: number; since: number }> {
  for (let [more, token] = [true, '']; more; ) {
    const page = await patiently(place, `list ${prefix}`, () => client.listObjectsV2Query(bucket, prefix, token, '', 1_000, ''));
    for (const { name, size, lastModified } of page.objects) {
      if (name !== undefined && lastModified !== undefined) yield { key: name, bytes: size ?? 0, since: lastModified.getTime() };
    }
    [more, token] = [page.isTruncated, page.nextContinuationToken];
  }
}
