import { feature } from '@rhei/contracts';
import type { Instant } from '@rhei/runtime';
import type { FeatureView } from '../view/feature-view';
import type { Lookup } from '../view/lookup.store';
import { verdictOn } from '../view/verdict';
import type { ValueRow } from '../view/window';
import type { FeatureSet } from './feature-set';
import { exampleOf, fromRequest, readRequest } from './request';

/** Vectors on their way: what they look up, and how they are made of what is found. */
export class Vectors {
  readonly lookups: Lookup[] = [];
  private readonly pending: ((found: readonly (ValueRow | undefined)[]) => feature.FeatureVector)[] = [];

  constructor(private readonly views: ReadonlyMap<string, FeatureView>) {}

  /** Adds the vector of one request as known at an instant. Errors: `invalid` that names the field or feature. */
  add(set: FeatureSet, fields: Record<string, unknown>, asOf: Instant): void {
    const request = readRequest(set, fields);
    const features = set.features.map((one) => {
      const result = fromRequest(set, one, request);
      if (one.kind === 'request') return (): feature.FeatureValue => ({ name: one.name, value: result as number, eventTime: 0, age: 0, freshness: feature.Freshness.REQUEST });
      const at = this.lookups.push({ view: one.view, entity: result as string, at: asOf }) - 1;
      return (found: readonly (ValueRow | undefined)[]): feature.FeatureValue => ({ name: one.name, ...verdictOn(found[at], asOf, this.views.get(one.view)!.ttls) });
    });
    const about = exampleOf(set, fields, request);
    this.pending.push((found) => ({ features: features.map((resolve) => resolve(found)), ...about }));
  }

  /** One for each request that was added, in that order. */
  resolve(found: readonly (ValueRow | undefined)[]): feature.FeatureVector[] {
    return this.pending.map((vector) => vector(found));
  }
}
