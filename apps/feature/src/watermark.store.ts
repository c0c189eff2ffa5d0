import { topics } from '@rhei/contracts';
import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';

export interface Watermark {
  shard: number;
  /** Everything that arrived in this shard up to here has been taken in. */
  reached: Instant;
}

const shards = topics['ingestion.records'].partitions;

export const raiseWatermark = (tx: Queryable, shard: number, reached: Instant): Promise<unknown> => tx.query(
  `INSERT INTO watermark AS kept (shard, reached) VALUES ($1, $2)
   ON CONFLICT (shard) DO UPDATE SET reached = greatest(kept.reached, excluded.reached)`, [shard, reached]);

export async function watermarks(queryable: Queryable): Promise<Watermark[]> {
  const rows = await queryable.query<{ shard: number; reached: string }>('SELECT shard, reached FROM watermark ORDER BY shard');
  return rows.map(({ shard, reached }) => ({ shard, reached: Number(reached) }));
}

/** SQL: the instant up to which all shards are closed; null while one of them has never spoken. */
export const closedUpTo = `(SELECT CASE WHEN count(*) >= ${shards} THEN min(reached) END FROM watermark)`;
