import { conflict, topics } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import type { Database, Duration, ResourceKind, ResourceProblem } from '@rhei/runtime';
import { armClosing } from './close-arrivals';
import { compileContract } from './contract';
import { openShards } from './shard.store';
import { sourceSpec, type SourceSpec } from './source';
import { notesOf } from './source-change';
import { ownerOf, saveSource } from './source.store';
import type { UpstreamReader } from './upstream-reader';

interface Deps {
  database: Database;
  watermarkInterval: Duration;
  upstreamReader: UpstreamReader;
}

/** The kind that this service owns: who publishes, and what an event must look like to be taken in. */
export const sourceResource: ResourceKind<Deps, SourceSpec> = {
  kind: 'Source',
  schema: sourceSpec,
  async check(deps, { name, spec }) {
    const contract = compileContract(name, 0, spec);
    const problems = Array.isArray(contract) ? contract.map((problem) => ({ ...problem, path: `/spec${problem.path}` })) : [];
    return [...problems, ...(spec.topic === undefined ? [] : await problemsOfTopic(deps, name, spec.topic))];
  },
  notes: notesOf,
  async applied({ watermarkInterval, upstreamReader }, { name, spec, version }, tx) {
    // Two of one bundle may want the same: each alone was right when they were checked.
    const owner = spec.topic === undefined ? undefined : await ownerOf(tx, spec.topic);
    if (owner !== undefined && owner !== name) throw conflict(`Source "${name}" names the topic "${spec.topic}", which belongs to source "${owner}". Give each source a topic of its own.`, { field: `Source/${name}/spec/topic` });
    await saveSource(tx, name, version, spec);
    tx.afterCommit(() => upstreamReader.look());
    await tx.emit('SourceApplied', name, { name, version, specJson: canonicalJson(spec) });
    // No record can come before the first source does, so nothing has arrived yet in a shard that is opened here.
    const first = await openShards(tx, topics['ingestion.records'].partitions, tx.now - 1);
    if (first) await armClosing(tx, watermarkInterval, tx.now);
  },
};

async function problemsOfTopic({ database, upstreamReader }: Deps, name: string, topic: string): Promise<ResourceProblem[]> {
  const problem = (message: string, expected: string, hint: string): ResourceProblem => ({ path: '/spec/topic', message, expected, got: topic, hint });
  if (!upstreamReader.hasDoor) {
    return [problem('A source cannot publish by a topic here: the event log of ingestion is not reachable for others.', 'no topic', 'Leave "topic" out and send the events by HTTP to POST /ingestion/events, or run ingestion with EVENT_LOG=kafka://…')];
  }
  if (Object.hasOwn(topics, topic)) return [problem(`The topic "${topic}" carries events between the services.`, 'a topic of the source\'s own', 'Name it after the source, such as "upstream.' + name + '".')];
  const owner = await ownerOf(database, topic);
  if (owner === undefined || owner === name) return [];
  return [problem(`The topic "${topic}" belongs to source "${owner}".`, 'a topic of the source\'s own', 'One topic, one source: so nobody can speak in another\'s name.')];
}
