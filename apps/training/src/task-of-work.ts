import type { Blobs, Database } from '@rhei/runtime';
import type { FitTask } from './fit/task';
import type { Lease } from './lease.store';
import { originIn, readManifest, type Manifest } from './manifest';
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
  const manifest = await manifestOf(blobs, run);
  const { champion } = run;
  return {
    parquet: await blobs.path(manifest.digests.parquet), reads: run.reads, spec: run.spec, asOf: run.asOf, filledFrom: manifest.filledFrom, trainingSetDigest: run.trainingSetDigest,
    ...(champion === undefined ? {} : { champion: { digest: champion.digest, path: await blobs.path(champion.digest), fitUntil: champion.fitUntil } }),
    ...(work === 'reproduction' && { hashRows: true }), origin: originIn(manifest),
  };
}

/** Errors: those of the blob store; Error when it cannot be read. */
export async function manifestOf(blobs: Blobs, run: Run): Promise<Manifest> {
  const manifest = readManifest(Buffer.from(await blobs.get(run.manifestDigest)).toString('utf8'));
  if (typeof manifest === 'string') throw new Error(manifest);
  return manifest;
}
