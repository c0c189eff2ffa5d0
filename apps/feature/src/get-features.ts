import { invalid, notFound, tooLarge, type feature } from '@rhei/contracts';
import type { Definitions } from './definitions.store';
import type { Deps } from './deps';
import { Vectors } from './set/vectors';
import { rowsAt } from './view/lookup.store';

const mostRows = 1_000;

/** The vectors of a set as known at `asOf` (0: now), one per row, in the order of the rows; all lookups are one query. */
export async function getFeatures({ database, definitions, clock }: Pick<Deps, 'database' | 'definitions' | 'clock'>, request: feature.GetFeaturesRequest): Promise<feature.GetFeaturesResponse> {
  if (request.rows.length > mostRows) throw tooLarge(`A request for features holds at most ${mostRows} rows; this one has ${request.rows.length}. Send several.`);
  const known = await definitions.read(database);
  const set = known.set(request.featureSet, request.version) ?? raiseUnknownSet(known, request.featureSet, request.version);
  const asOf = request.asOf === 0 ? clock.now() : request.asOf;

  const vectors = new Vectors(known.views);
  request.rows.forEach(({ fieldsJson }, index) => vectors.add(set, parseFields(fieldsJson, index), asOf));
  return { featureSet: set.name, version: set.version, vectors: vectors.resolve(await rowsAt(database, vectors.lookups)) };
}

/** Errors: `not_found`, with the sets that there are, or the version that is in force where the name is known. */
export function raiseUnknownSet({ sets }: Pick<Definitions, 'sets'>, name: string, version: number): never {
  const current = sets.get(name);
  const expected = current !== undefined ? `a version from 1 to ${current.version}` : sets.size === 0 ? 'a feature set; none has been applied' : `one of ${[...sets.keys()].sort().join(', ')}`;
  const field = current === undefined ? 'feature_set' : 'version';
  throw notFound(`There is no feature set "${name}"${version === 0 ? '' : ` with version ${version}`}; expected ${expected}.`, { field, expected, got: current === undefined ? name : `${version}`, hint: '"rhei get FeatureSet" lists them' });
}

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
