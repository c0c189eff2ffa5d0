import { invalid, notFound, type feature } from '@rhei/contracts';
import type { Instant } from '@rhei/runtime';
import type { Definitions } from './definitions.store';
import type { Deps } from './deps';
import { raiseUnknownSet } from './get-features';
import { windowOf } from './list-features';
import { viewsWith } from './view/entity.store';
import { ttlAt, type FeatureView } from './view/feature-view';
import { rowsAt } from './view/lookup.store';
import { verdictOn } from './view/verdict';
import type { ValueRow } from './view/window';

/**
 * The values of one entity as known at `asOf` (0: now): of one view, of those that a set reads, or of all that have seen it.
 * Errors: `not_found` for a view, set or entity that nobody knows, `invalid` where both view and set are named.
 */
export async function getEntity({ database, definitions, clock }: Pick<Deps, 'database' | 'definitions' | 'clock'>, request: feature.GetEntityRequest): Promise<feature.GetEntityResponse> {
  const { entity } = request;
  checkEntity(entity);
  if (request.view !== '' && request.featureSet !== '') {
    throw invalid('The request names a view and a feature set.', { field: 'feature_set', expected: 'a view, a feature set, or neither', got: `view "${request.view}" and feature set "${request.featureSet}"`, hint: 'A set reads several views; name the view alone to see one of them.' });
  }
  const known = await definitions.read(database);
  const asOf = request.asOf === 0 ? clock.now() : request.asOf;
  const wanted = wantedViews(known, request);
  const names = wanted.map(({ view }) => view.name);
  const seen = await viewsWith(database, entity, names);
  if (seen.size === 0) {
    throw notFound(`${names.length === 1 ? `View "${names[0]}" has` : 'These views have'} never had a record of entity "${entity}".`, {
      field: 'entity', expected: 'an entity that a record was about', got: entity, hint: 'an entity is what the key of the view gives for a record; "rhei features list" shows what each view is about',
    });
  }
  const asked = request.view === '' && request.featureSet === '' ? wanted.filter(({ view }) => seen.has(view.name)) : wanted;
  const rows = await rowsAt(database, asked.map(({ view }) => ({ view: view.name, entity, at: asOf })));
  return { entity, asOf, values: asked.map(({ view, features }, index) => entityValue(view, rows[index], asOf, features)) };
}

/** What one view says of an entity at an instant. */
export function entityValue(view: FeatureView, row: ValueRow | undefined, asOf: Instant, features: string[] = []): feature.EntityValue {
  return {
    view: view.name, viewVersion: view.version, window: windowOf(view), ...verdictOn(row, asOf, view.ttls),
    knownSince: row?.knownAt ?? 0, ttl: ttlAt(view.ttls, asOf) ?? 0, records: row?.n ?? 0, features,
  };
}

/** Errors: `invalid` where no entity is named. */
export function checkEntity(entity: string): void {
  if (entity === '') throw invalid('The request names no entity.', { field: 'entity', expected: 'what the key of a view gives for a record', got: '""', hint: '"rhei features list" shows what each view is about' });
}

/** Errors: `not_found`, with the views that there are. */
export function viewNamed({ views }: Pick<Definitions, 'views'>, name: string): FeatureView {
  const view = views.get(name);
  if (view !== undefined) return view;
  const expected = views.size === 0 ? 'a view; none has been applied' : `one of ${[...views.keys()].sort().join(', ')}`;
  throw notFound(`There is no feature view "${name}".`, { field: 'view', expected, got: name, hint: '"rhei features list" shows what there is' });
}

function wantedViews(known: Definitions, request: feature.GetEntityRequest): { view: FeatureView; features: string[] }[] {
  if (request.view !== '') return [{ view: viewNamed(known, request.view), features: [] }];
  if (request.featureSet === '') return [...known.views.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map((view) => ({ view, features: [] }));
  const { features } = known.set(request.featureSet, 0) ?? raiseUnknownSet(known, request.featureSet, 0);
  const byView = new Map<string, string[]>();
  for (const one of features) if (one.kind === 'view') byView.set(one.view, [...byView.get(one.view) ?? [], one.name]);
  return [...byView].map(([name, names]) => ({ view: viewNamed(known, name), features: names }));
}
