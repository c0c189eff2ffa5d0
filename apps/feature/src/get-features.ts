import { feature, invalid, notFound, tooLarge } from '@rhei/contracts';
import type { Instant } from '@rhei/runtime';
import type { Deps } from './deps';
import type { FeatureSet } from './set/feature-set';
import { exampleOf, fromRequest, readRequest } from './set/request';
import { expired, ttlAt, type TtlFrom } from './view/feature-view';
import { valuesAt, type Found, type Lookup } from './view/value.store';

const mostRows = 1_000;

/** The vectors of a set as known at `asOf` (0: now), one per row, in the order of the rows; all lookups are one query. */
export async function getFeatures({ database, definitions, clock }: Pick<Deps, 'database' | 'definitions' | 'clock'>, request: feature.GetFeaturesRequest): Promise<feature.GetFeaturesResponse> {
  if (request.rows.length > mostRows) throw tooLarge(`A request for features holds at most ${mostRows} rows; this one has ${request.rows.length}. Send several.`);
  const known = await definitions.read(database);
  const set = known.set(request.featureSet, request.version) ?? raiseUnknownSet(request.featureSet, request.version);
  const asOf = request.asOf === 0 ? clock.now() : request.asOf;

  const lookups: Lookup[] = [];
  const pending = request.rows.map(({ fieldsJson }, index) => {
    const fields = parseFields(fieldsJson, index);
    const values = readRequest(set, fields);
    const features = set.features.map((one) => {
      const result = fromRequest(set, one, values);
      if (one.kind === 'request') return () => computed(one.name, result as number);
      const at = lookups.push({ view: one.view, entity: result as string, at: asOf }) - 1;
      return (found: (Found | undefined)[]) => lookedUp(one.name, found[at], asOf, known.views.get(one.view)!.ttls);
    });
    return { features, ...exampleOf(set, fields, values) };
  });
  const found = await valuesAt(database, lookups);
  return {
    featureSet: set.name, version: set.version,
    vectors: pending.map(({ features, example, exampleTime }) => ({ features: features.map((resolve) => resolve(found)), example, exampleTime })),
  };
}

export const raiseUnknownSet = (name: string, version: number): FeatureSet => {
  throw notFound(`There is no feature set "${name}"${version === 0 ? '' : ` with version ${version}`}. \`rhei get FeatureSet\` lists them.`);
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

const computed = (name: string, value: number): feature.FeatureValue => ({ name, value, eventTime: 0, age: 0, freshness: feature.Freshness.REQUEST });

function lookedUp(name: string, found: Found | undefined, asOf: Instant, ttls: readonly TtlFrom[]): feature.FeatureValue {
  if (found === undefined) return { name, value: undefined, eventTime: 0, age: 0, freshness: feature.Freshness.MISSING };
  const age = asOf - found.eventTime;
  if (expired(age, ttlAt(ttls, asOf))) return { name, value: undefined, eventTime: found.eventTime, age, freshness: feature.Freshness.EXPIRED };
  if (found.value === null) return { name, value: undefined, eventTime: found.eventTime, age, freshness: feature.Freshness.MISSING };
  return { name, value: found.value, eventTime: found.eventTime, age, freshness: feature.Freshness.FRESH };
}
