import { notFound, unavailable } from '@rhei/contracts';
import type { Deployment, FeatureSet } from './deployment.store';

export interface Entry {
  deployment: Deployment;
  /** Absent until feature has told of it. */
  featureSet?: FeatureSet;
}

/** Deployments and feature sets in memory, where every request finds them. An older version never replaces a newer one: readings may overtake each other. */
export class Catalogue {
  private readonly deployments = new Map<string, Deployment>();
  private readonly featureSets = new Map<string, FeatureSet>();
  private listed = false;

  learn(deployments: Deployment[], featureSets: FeatureSet[]): void {
    for (const one of deployments) keepNewer(this.deployments, one);
    for (const one of featureSets) keepNewer(this.featureSets, one);
    this.listed = true;
  }

  all(): Deployment[] {
    return [...this.deployments.values()];
  }

  /** Errors: `not_found` with the names that there are; `unavailable` NOT_READY from a replica that does not know them yet. */
  find(name: string): Entry {
    const deployment = this.deployments.get(name);
    if (deployment === undefined) {
      if (!this.listed) throw unavailable('This replica of serving has not taken up its deployments yet.', { reason: 'NOT_READY', retryAfter: 500 });
      throw notFound(`There is no deployment "${name.slice(0, 100)}".`, { expected: [...this.deployments.keys()].join(', ').slice(0, 500) || 'none is applied yet', got: name.slice(0, 100) });
    }
    return { deployment, featureSet: this.featureSets.get(deployment.featureSet) };
  }
}

function keepNewer<T extends { name: string; version: number }>(known: Map<string, T>, one: T): void {
  const before = known.get(one.name);
  if (before === undefined || one.version >= before.version) known.set(one.name, one);
}
