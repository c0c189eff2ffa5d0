import type { Blobs, Database } from '@rhei/runtime';
import type { FitTask } from './fit/task';
import type { Lease } from './lease.store';
import { readManifest, type Manifest } from './manifest';
import { reproductionNamed } from './reproduction.store';
import type { Run } from './run';
import { runNamed } from './run.store';

/** The run that is fitted, for the first time or again. */
export async function runOfWork(database: Database, { work, id }: Pick<Lease, 'work' | 'id'>): Promise<Run> {
  return runNamed(database, work === 'run' ? id : (await reproductionNamed(database, id)).run);
}

/**
 * What the process of a run is told, all of it from what the run recorded. Errors: those of the blob store; Error when the
 * manifest cannot be read.
 */
export async function taskOf(blobs: Blobs, run: Run, { work }: Pick<Lease, 'work'>): Promise<FitTask> {
  const manifest = readManifest(Buffer.from(await blobs.get(run.manifestDigest)).toString('utf8'));
  if (typeof manifest === 'string') throw new Error(manifest);
  const { champion } = run;
  return {
    parquet: await blobs.path(manifest.digests.parquet), reads: run.reads, spec: run.spec, asOf: run.asOf, filledFrom: manifest.filledFrom, trainingSetDigest: run.trainingSetDigest,
    ...(champion === undefined ? {} : { champion: { digest: champion.digest, path: await blobs.path(champion.digest), fitUntil: champion.fitUntil } }),
    ...(work === 'reproduction' && { hashRows: true }), origin: originIn(manifest),
  };
}

/** The facts of a manifest that are the same wherever the set is built. */
const originIn = (manifest: Manifest): Record<string, unknown> =>
  Object.fromEntries(['sources', 'arrivalBasis', 'leftOut', 'corrected', 'withdrawn', 'views'].flatMap((field) => (manifest[field] === undefined ? [] : [[field, manifest[field]]])));
