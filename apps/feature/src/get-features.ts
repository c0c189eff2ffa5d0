import { invalid, notFound, tooLarge, type feature } from '@rhei/contracts';
import type { Deps } from './deps';
import type { FeatureSet } from './set/feature-set';
import { Vectors } from './set/vectors';
import { rowsAt } from './view/lookup.store';

const mostRows = 1_000;

/** The vectors of a set as known at `asOf` (0: now), one per row, in the order of the rows; all lookups are one query. */
export async function getFeatures({ database, definitions, clock }: Pick<Deps, 'database' | 'definitions' | 'clock'>, request: feature.GetFeaturesRequest): Promise<feature.GetFeaturesResponse> {
  if (request.rows.length > mostRows) throw tooLarge(`A request for features holds at most ${mostRows} rows; this one has ${request.rows.length}. Send several.`);
  const known = await definitions.read(database);
  const set = known.set(request.featureSet, request.version) ?? raiseUnknownSet(request.featureSet, request.version);
  const asOf = request.asOf === 0 ? clock.now() : request.asOf;

  const vectors = new Vectors(known.views);
  request.rows.forEach(({ fieldsJson }, index) => vectors.add(set, parseFields(fieldsJson, index), asOf));
  return { featureSet: set.name, version: set.version, vectors: vectors.resolve(await rowsAt(database, vectors.lookups)) };
}

export const raiseUnknownSet = (name: string, version: number): FeatureSet => {
  throw notFound(`There is no feature set "${name}"${version === 0 ? '' : ` with version ${version}`}. \`rhei get FeatureSet\` lists them.`, { field: 'feature_set', got: name });
};

function parseFields(json: string, index: number): Record<string, unknown> {
  let fields: unknown;
  try {
    fields = JSON.parse(json === '' ? '{}' : json);
  } catch {
    fields = undefined;
  }
  if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) return fields as Record<string, unknown>;
  throw invalid(`Row ${index} of the request: fields_json is not a JSON object. Send the request fields of the feature set, such as {"origin": "ABQ"}.`, { field: `rows[${index}].fields_json`, expected: 'a JSON object', got: json.slice(0, 100) });
}
