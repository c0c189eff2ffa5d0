import { RheiError } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import type { Deps } from '../deps';
import type { FeatureSet } from '../set/feature-set';
import { fromRequest, readRequest } from '../set/request';
import { raiseUnknownSet } from '../get-features';
import { watermarks } from '../watermark.store';
import { planOf, type JoinExample } from './join-plan';
import { joinPointInTime } from './point-in-time-join';
import { ArrivalBasis, filledFrom, manifestOf, type Ingredients, type Manifest, type TrainingSet } from './training-set';
import { contentsOf, countWithdrawn, labelledExamples, settle, valueRows, type LabelledExample } from './training-set.store';

type BuildDeps = Pick<Deps, 'database' | 'definitions' | 'blobs' | 'config'>;

/**
 * Joins the examples of a training set with what was known at each one's as-of, keeps file and manifest, and says so.
 * Everything it reads was known by the set's as-of, and every shard is past it, so a repeat gives the same set.
 */
export async function build(deps: BuildDeps, { id, ...wanted }: TrainingSet, signal: AbortSignal): Promise<void> {
  const { database, definitions, blobs, config } = deps;
  const known = await definitions.read(database);
  const { featureSet, version, asOf, requireFullWindows } = wanted;
  const set = known.set(featureSet, version) ?? raiseUnknownSet(known, featureSet, version);
  const plan = planOf(set, known.views);
  const names = [...new Set(plan.features.flatMap((feature) => (feature.kind === 'view' ? [feature.view] : [])))];
  const views = names.map((name) => known.views.get(name)!);

  const positions = await watermarks(database);
  const contents = await contentsOf(database, names, asOf);
  const arrivalBasis = new ArrivalBasis();
  contents.forEach(({ basis, records }) => arrivalBasis.add(basis, records));
  const ingredients: Ingredients = {
    id, request: { featureSet, version, asOf, requireFullWindows }, set, views, requestFields: plan.request.map(({ name }) => name), positions,
    filledFrom: filledFrom(views, contents, asOf), arrivalBasis, leftOut: 0, corrected: 0, withdrawn: await countWithdrawn(database, featureSet, asOf),
  };
  const pages = labelledExamples(database, featureSet, set.maturity, asOf);
  const { summary, parquet } = await joinPointInTime(plan, rowsOf(pages, ingredients), valueRows(database, names, asOf), { timeout: config.JOIN_TIMEOUT, directory: config.JOIN_DIRECTORY, signal });

  const manifest = manifestOf(ingredients, summary, await blobs.put(parquet));
  await announce(deps, id, manifest, await blobs.put(Buffer.from(canonicalJson(manifest))));
}

async function* rowsOf(pages: AsyncIterable<LabelledExample[]>, ingredients: Ingredients): AsyncGenerator<JoinExample[]> {
  const { set, request: { requireFullWindows }, arrivalBasis, requestFields } = ingredients;
  const from = requireFullWindows ? ingredients.filledFrom : -Infinity;
  for await (const page of pages) {
    const rows: JoinExample[] = [];
    for (const example of page) {
      if (example.asOf < from) continue;
      const row = rowOf(set, requestFields, example);
      if (row === undefined) {
        ingredients.leftOut += 1;
        continue;
      }
      if (example.corrected) ingredients.corrected += 1;
      example.bases.forEach((basis) => arrivalBasis.add(basis));
      rows.push(row);
    }
    if (rows.length > 0) yield rows;
  }
}

/** The example's part of its row, by the same expressions as a request; undefined where a request like it would be refused. */
function rowOf(set: FeatureSet, requestFields: readonly string[], example: LabelledExample): JoinExample | undefined {
  try {
    const request = readRequest(set, JSON.parse(example.dataJson) as Record<string, unknown>);
    return {
      example: example.id, asOf: example.asOf, exampleTime: example.eventTime, label: example.label,
      features: set.features.map((feature) => fromRequest(set, feature, request)), request: requestFields.map((field) => columnValue(request[field])),
    };
  } catch (error) {
    if (error instanceof RheiError && error.code === 'invalid') return undefined;
    throw error;
  }
}

const columnValue = (value: string | number | boolean): string | number => (typeof value === 'boolean' ? String(value) : value);

const announce = ({ database }: BuildDeps, id: string, manifest: Manifest, manifestDigest: string): Promise<void> => database.transaction(async (tx) => {
  if (!await settle(tx, id, { manifestDigest, manifest })) return;
  await tx.emit('TrainingSetBuilt', id, { id, featureSet: manifest.featureSet, asOf: manifest.asOf, manifestDigest, manifestJson: canonicalJson(manifest), error: '' });
});

/** Ends a build that cannot be done, and says why. */
export const fail = ({ database }: Pick<Deps, 'database'>, { id, featureSet, asOf }: TrainingSet, error: string): Promise<void> => database.transaction(async (tx) => {
  if (!await settle(tx, id, { error })) return;
  await tx.emit('TrainingSetBuilt', id, { id, featureSet, asOf, manifestDigest: '', manifestJson: '', error });
});
