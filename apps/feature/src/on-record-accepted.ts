import type { feature } from '@rhei/contracts';
import { shardOf } from '@rhei/messaging';
import { shared, type Transaction } from '@rhei/runtime';
import type { Deps } from './deps';
import { addRevisions } from './record/fact.store';
import { addFailures } from './record/failure.store';
import { readRecords } from './record/read-records';
import { addExamplesAndLabels } from './set/example.store';
import { addEntries } from './view/value.store';
import { raiseWatermark } from './watermark.store';

/** Takes in the records of one shard that one commit accepted: values of views, examples, labels, and how far the shard is. */
export const onRecordAccepted = shared('RecordAccepted', async ({ definitions, builds }: Deps, { payload: { shard, watermark, records } }, tx) => {
  const { views, sets } = await definitions.read(tx);
  const { facts, entries, examples, labels, failures } = readRecords(records, [...views.values()], [...sets.values()]);
  const revised = await addRevisions(tx, facts);
  await addFailures(tx, failures, tx.now);
  await addEntries(tx, views, entries, revised);
  await say(tx, await addExamplesAndLabels(tx, sets, examples, labels, revised));
  await raiseWatermark(tx, shard, watermark);
  tx.afterCommit(() => builds.wake());
});

/** One event for each shard of the labels' examples. */
async function say(tx: Transaction, labels: readonly feature.Label[]): Promise<void> {
  const shards = new Map<number, feature.Label[]>();
  for (const label of labels) {
    const shard = shardOf('feature.labels', label.example);
    shards.set(shard, [...(shards.get(shard) ?? []), label]);
  }
  for (const shard of [...shards.keys()].sort((a, b) => a - b)) await tx.emit('ExampleLabelled', shard, { shard, labels: shards.get(shard)! });
}
