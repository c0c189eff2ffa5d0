import type { Transaction } from '@rhei/runtime';
import type { Deps } from './deps';
import { failRun } from './fail-run';
import { championOf } from './known.store';
import { readManifest } from './manifest';
import type { Run } from './run';
import { saveBegun } from './run.store';

/** A training set as the feature service says that it is built. */
export interface Built {
  id: string;
  manifestDigest: string;
  manifestJson: string;
}

/**
 * Lets a waiting run go on with its training set. The champion is taken here and kept with the run: a run that is
 * resumed after a kill compares with the same one.
 */
export async function beginRun(deps: Pick<Deps, 'wake'>, tx: Transaction, run: Run, built: Built): Promise<void> {
  const manifest = readManifest(built.manifestJson);
  if (typeof manifest === 'string') return failRun(tx, run, `Training set ${built.id} cannot be read. ${manifest}`);
  const champion = await championOf(tx, run.model);
  await saveBegun(tx, { ...run, trainingSet: built.id, manifestDigest: built.manifestDigest, trainingSetDigest: manifest.digests.rows, champion });
  tx.afterCommit(() => deps.wake());
}
