import type { Duration, Instant, TimerHandler, Transaction } from '@rhei/runtime';
import { lockShards, saveWatermarks } from './shard.store';
import { closeAt, nextOnGrid } from './watermark';

interface Deps {
  watermarkInterval: Duration;
}

const kind = 'close-arrivals';
const key = 'records';

/** Lets the idle shards say from time to time that nothing is missing: a training set waits for all of them. */
export const closeArrivals: TimerHandler<Deps> = {
  kind,
  async fire({ watermarkInterval }, { due }, tx) {
    const said = (await lockShards(tx)).flatMap(({ shard, watermark }) => {
      const closed = closeAt(watermark, tx.now);
      return closed === undefined ? [] : [{ shard, watermark: closed }];
    });
    for (const closed of said) await tx.emit('ArrivalsClosed', closed.shard, closed);
    await saveWatermarks(tx, said);
    await armClosing(tx, watermarkInterval, Math.max(due, tx.now));
  },
};

export const armClosing = (tx: Transaction, interval: Duration, after: Instant): Promise<void> => tx.arm(kind, key, nextOnGrid(after, interval));
