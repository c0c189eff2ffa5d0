import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';

export interface Shard {
  shard: number;
  /** Everything that arrived up to here has been said. */
  watermark: Instant;
}

/** Makes the shards that are missing. @returns whether there was none before */
export async function openShards(tx: Queryable, count: number, watermark: Instant): Promise<boolean> {
  const added = await tx.query(
    'INSERT INTO shard (shard, watermark) SELECT shard, $2 FROM generate_series(0, $1::integer - 1) AS shard ON CONFLICT (shard) DO NOTHING RETURNING shard',
    [count, watermark],
  );
  return added.length === count;
}

/**
 * Locks shards in their order until the transaction ends: arrivals of a shard are stamped by one transaction at a time.
 * Default: all of them.
 */
export function lockShards(tx: Queryable, shards?: number[]): Promise<Shard[]> {
  return tx.query<Shard>(
    'SELECT shard, watermark FROM shard WHERE $1::integer[] IS NULL OR shard = ANY($1::integer[]) ORDER BY shard FOR UPDATE', [shards ?? null],
  );
}

export async function saveWatermarks(tx: Queryable, shards: Shard[]): Promise<void> {
  if (shards.length === 0) return;
  await tx.query(
    'UPDATE shard SET watermark = said.watermark FROM unnest($1::integer[], $2::bigint[]) AS said (shard, watermark) WHERE shard.shard = said.shard',
    [shards.map(({ shard }) => shard), shards.map(({ watermark }) => watermark)],
  );
}
