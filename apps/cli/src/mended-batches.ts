import type { ingestion } from '@rhei/contracts';

/** A request is one transaction, and its door takes 4 MiB. */
const most = { contents: 500, bytes: 3 * 1024 * 1024 };

/** Mended contents in their order, parted so that each part goes into one request. A single one always does: an event has 256 KiB at most. */
export function mendedBatches(contents: readonly ingestion.MendedContent[]): ingestion.MendedContent[][] {
  const batches: ingestion.MendedContent[][] = [];
  let bytes = 0;
  for (const content of contents) {
    const size = Buffer.byteLength(content.eventJson) + Buffer.byteLength(content.dataJson);
    const last = batches.at(-1);
    if (last !== undefined && last.length < most.contents && bytes + size <= most.bytes) {
      last.push(content);
      bytes += size;
    } else {
      batches.push([content]);
      bytes = size;
    }
  }
  return batches;
}
