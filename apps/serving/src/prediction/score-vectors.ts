import { RheiError, unavailable, type feature } from '@rhei/contracts';
import type { Loaded } from '../traffic/traffic';

/**
 * The scores of rows by one version, in their order; each gets its inputs by name, since a feature set may have changed since
 * the model learned. Errors: `unavailable` FEATURES_DIFFER when a row lacks one; `internal` NO_SCORE when the model fails.
 */
export async function scoreVectors({ version, session }: Loaded, model: string, featureSet: string, vectors: readonly Pick<feature.FeatureVector, 'features'>[]): Promise<Float32Array> {
  const input = inputOf(session.features, vectors, (lacking) => unavailable(`Version ${version} of model "${model}" learned from ${lacking.join(', ')}, which feature set "${featureSet}" no longer gives.`, {
    reason: 'FEATURES_DIFFER', hint: 'promote a version that was trained on the present feature set', retryAfter: 30_000,
  }));
  try {
    return await session.score(input);
  } catch (error) {
    throw new RheiError('internal', `Version ${version} of model "${model}" cannot score: ${(error as Error).message}`, { reason: 'NO_SCORE' });
  }
}

function inputOf(names: readonly string[], vectors: readonly Pick<feature.FeatureVector, 'features'>[], lacks: (lacking: string[]) => RheiError): Float32Array {
  const input = new Float32Array(vectors.length * names.length);
  let places: number[] = [];
  vectors.forEach(({ features }, row) => {
    // Rows that were fetched together have one order; rows on record may be of before and after a change of the set.
    if (row === 0 || names.some((name, at) => features[places[at]]?.name !== name)) {
      const known = new Map(features.map(({ name }, place) => [name, place]));
      const lacking = names.filter((name) => !known.has(name));
      if (lacking.length > 0) throw lacks(lacking);
      places = names.map((name) => known.get(name)!);
    }
    for (let at = 0; at < names.length; at += 1) input[row * names.length + at] = features[places[at]].value ?? NaN;
  });
  return input;
}
