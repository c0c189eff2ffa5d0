import { createHash } from 'node:crypto';
import { canonicalJson } from '@rhei/expressions';

/** SHA-256 in hex over canonical JSON, one line a row (replay.md, Digests). */
export async function digestLines(rows: AsyncIterable<unknown> | Iterable<unknown>): Promise<string> {
  const hash = createHash('sha256');
  for await (const row of rows) hash.update(`${canonicalJson(row)}\n`);
  return hash.digest('hex');
}
