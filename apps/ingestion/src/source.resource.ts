import { topics } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import type { Duration, ResourceKind } from '@rhei/runtime';
import { armClosing } from './close-arrivals';
import { compileContract } from './contract';
import { openShards } from './shard.store';
import { sourceSpec, type SourceSpec } from './source';
import { saveSource } from './source.store';

interface Deps {
  watermarkInterval: Duration;
}

/** The kind that this service owns: who publishes, and what an event must look like to be taken in. */
export const sourceResource: ResourceKind<Deps, SourceSpec> = {
  kind: 'Source',
  schema: sourceSpec,
  async check(_deps, { name, spec }) {
    const contract = compileContract(name, 0, spec);
    return Array.isArray(contract) ? contract.map((problem) => ({ ...problem, path: `/spec${problem.path}` })) : [];
  },
  async applied({ watermarkInterval }, { name, spec, version }, tx) {
    await saveSource(tx, name, version, spec);
    await tx.emit('SourceApplied', name, { name, version, specJson: canonicalJson(spec) });
    // No record can come before the first source does, so nothing has arrived yet in a shard that is opened here.
    const first = await openShards(tx, topics['ingestion.records'].partitions, tx.now - 1);
    if (first) await armClosing(tx, watermarkInterval, tx.now);
  },
};
