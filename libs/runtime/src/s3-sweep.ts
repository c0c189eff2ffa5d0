import type { S3Blobs } from './s3-blobs';
import { patiently } from './s3-failure';

/** Milliseconds after which nobody can still be writing what was begun. */
const A_DAY = 24 * 3_600_000;

export interface Leftover {
  kind: 'staged object' | 'unfinished upload';
  key: string;
  /** 0 where the store does not say it. */
  bytes: number;
  /** When it was begun, by the store's clock; milliseconds. */
  since: number;
}

/**
 * Removes what uploads left behind that ended half-way: staged objects and unfinished uploads, a day old. Never a blob: they
 * are shared by all services, and that no row of any of them names one cannot be seen from here. Gives what was found;
 * with `apply` that is gone.
 * @param now system time in milliseconds
 */
export async function* sweep({ client, location: { bucket }, place, stagingPrefix }: S3Blobs, { now, apply }: { now: number; apply: boolean }): AsyncGenerator<Leftover> {
  const old = (since: Date | undefined): boolean => since !== undefined && now - since.getTime() > A_DAY;
  for (let [more, token] = [true, '']; more; ) {
    const page = await patiently(place, 'list staged objects', () => client.listObjectsV2Query(bucket, stagingPrefix, token, '', 1_000, ''));
    for (const { name, size, lastModified } of page.objects) {
      if (name === undefined || !old(lastModified)) continue;
      if (apply) await patiently(place, `remove ${name}`, () => client.removeObject(bucket, name));
      yield { kind: 'staged object', key: name, bytes: size ?? 0, since: lastModified!.getTime() };
    }
    [more, token] = [page.isTruncated, page.nextContinuationToken];
  }
  // Of the whole bucket: MinIO finds no upload by the beginning of its key.
  for (let [more, key, id] = [true, '', '']; more; ) {
    const page = await patiently(place, 'list unfinished uploads', () => client.listIncompleteUploadsQuery(bucket, '', key, id, ''));
    for (const upload of page.uploads) {
      if (!upload.key.startsWith(stagingPrefix) || !old(upload.initiated)) continue;
      if (apply) await patiently(place, `abort the upload of ${upload.key}`, () => client.abortMultipartUpload(bucket, upload.key, upload.uploadId));
      yield { kind: 'unfinished upload', key: upload.key, bytes: 0, since: upload.initiated!.getTime() };
    }
    [more, key, id] = [page.isTruncated, page.nextKeyMarker, page.nextUploadIdMarker];
  }
}
