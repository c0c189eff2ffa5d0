import { formatInstant } from '@rhei/expressions';
import type { Explanation } from '@rhei/runtime';
import type { Deps } from './deps';
import { findTrainingSet } from './training-set/training-set.store';

/** Answers `rhei why` for a training set, by its id. */
export async function explainTrainingSet({ database }: Deps, id: string): Promise<Explanation | undefined> {
  const found = await findTrainingSet(database, id);
  if (found === undefined) return undefined;
  const { featureSet, version, asOf, state, manifest, manifestDigest, error } = found;
  const lines = [`version ${version} of "${featureSet}" as known at ${formatInstant(asOf)}: ${state}${error === '' ? '' : `, ${error}`}`];
  if (manifest !== undefined) {
    const { rows, from, to, filledFrom, digests, leftOut, corrected = 0, withdrawn = 0, arrivalBasis } = manifest;
    lines.push(
      rows === 0 ? 'no labelled example was mature then' : `${rows} rows, as known from ${formatInstant(from!)} to ${formatInstant(to!)}`,
      `all windows are full from ${formatInstant(filledFrom)}`,
      `${leftOut} examples left out for their request fields; ${(arrivalBasis.declared * 100).toFixed(1)} % of what is behind it has a declared arrival`,
      ...(corrected + withdrawn > 0 ? [`${corrected} rows stand in the place of an earlier revision; of ${withdrawn} examples the truth was taken back`] : []),
      `rows ${digests.rows}, manifest ${manifestDigest}`,
    );
  }
  return { title: `training set ${id.slice(0, 12)} of ${featureSet}`, lines, traceparents: [found.traceparent], causes: [] };
}
