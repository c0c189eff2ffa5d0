import type { feature } from '@rhei/contracts';
import type { Deps } from './deps';
import { countEntities } from './view/entity.store';
import { aggregateOf, ttlAt, type FeatureView } from './view/feature-view';

/** Views and sets by name, with how many entities each view has seen. */
export async function listFeatures({ database, definitions, clock }: Pick<Deps, 'database' | 'definitions' | 'clock'>): Promise<feature.ListFeaturesResponse> {
  const { views, sets } = await definitions.read(database);
  const entities = await countEntities(database);
  return {
    views: byName(views).map((view) => ({
      name: view.name, version: view.version, entity: view.spec.entity, source: view.spec.source, event: view.spec.event, window: windowOf(view),
      ttl: ttlAt(view.ttls, clock.now()) ?? 0, entities: entities.get(view.name) ?? 0, owner: view.spec.owner ?? '',
    })),
    sets: byName(sets).map(({ name, version, spec, features }) => ({
      name, version, owner: spec.owner ?? '', features: features.map((one) => ({ name: one.name, view: one.kind === 'view' ? one.view : '' })),
    })),
  };
}

/** The window as it is told: 0 where there is no length or hop. */
export function windowOf({ spec }: Pick<FeatureView, 'spec'>): feature.Window {
  const { aggregate, length, hop } = aggregateOf(spec);
  return { aggregate, length: length ?? 0, hop: hop ?? 0 };
}

const byName = <T extends { name: string }>(known: ReadonlyMap<string, T>): T[] => [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
