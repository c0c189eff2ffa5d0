import { shared } from '@rhei/runtime';
import type { Deps } from './deps';
import { raiseWatermark } from './watermark.store';

/** An idle shard has said everything up to its watermark: a training set that waited for it may be built. */
export const onArrivalsClosed = shared('ArrivalsClosed', async ({ builds }: Deps, { payload: { shard, watermark } }, tx) => {
  await raiseWatermark(tx, shard, watermark);
  tx.afterCommit(() => builds.wake());
});
