import type { runtime } from '@rhei/contracts';

/** One resource names another in a field of its specification. */
export interface ResourceLink {
  kind: string;
  name: string;
  /** JSON pointer of the field that names it. */
  path: string;
}
export type Listed = Pick<runtime.Resource, 'kind' | 'name' | 'specJson'>;

/** Fields of specifications that name a resource, and of which kind. */
const fields: Record<string, string> = {
  source: 'Source', view: 'FeatureView', featureView: 'FeatureView', featureSet: 'FeatureSet', plan: 'TrainingPlan', trainingPlan: 'TrainingPlan', model: 'Model', deployment: 'Deployment', monitor: 'Monitor',
};

/** What the specification of a resource names, in its order; each once, with the first field that names it. */
export function namedBy({ specJson }: Listed): ResourceLink[] {
  const found = new Map<string, ResourceLink>();
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, item] of Object.entries(value)) {
      const inner = `${path}/${key}`;
      const kind = Array.isArray(value) ? undefined : fields[key];
      if (kind !== undefined && typeof item === 'string' && !found.has(`${kind}/${item}`)) found.set(`${kind}/${item}`, { kind, name: item, path: inner });
      walk(item, inner);
    }
  };
  walk(JSON.parse(specJson), '/spec');
  return [...found.values()];
}

/** The resources whose specifications name this one. */
export function referringTo(resource: Pick<Listed, 'kind' | 'name'>, all: readonly Listed[]): ResourceLink[] {
  return all.flatMap((other) => namedBy(other).filter(({ kind, name }) => kind === resource.kind && name === resource.name).map(({ path }) => ({ kind: other.kind, name: other.name, path })));
}
