import { RheiError, type serving } from '@rhei/contracts';
import { hashUnit } from '@rhei/expressions';
import type { FeatureView } from '../view/feature-view';
import type { ValueRow } from '../view/window';
import type { FeatureSet } from './feature-set';
import { Vectors } from './vectors';

/** A feature whose served value is not what the same question gives now, as known at the prediction's own as-of. */
export interface ServedDifference {
  prediction: string;
  asOf: number;
  feature: string;
  served: number | null;
  recomputed: number | null;
}

/** Predictions whose vectors can be computed again: what to look up, and what the look-up then tells. */
export class ServedVectors {
  private readonly vectors: Vectors;
  private readonly checked: serving.Prediction[] = [];

  /**
   * @param share of the predictions that are checked, chosen by a hash of their ids
   */
  constructor(set: FeatureSet, views: ReadonlyMap<string, FeatureView>, predictions: readonly serving.Prediction[], share: number) {
    this.vectors = new Vectors(views);
    for (const prediction of predictions) {
      const { id, role, features, featureSetVersion, requestJson, asOf } = prediction;
      if ((role !== 'live' && role !== 'canary') || (share < 1 && hashUnit('served', 'check', id) >= share)) continue;
      // Served by another version of the set, or with a vector that the caller brought along: there is nothing to compare with.
      if (featureSetVersion !== 0 && featureSetVersion !== set.version) continue;
      // Events of before the version was said tell it by the names alone.
      if (features.length !== set.features.length || features.some(({ name }, index) => name !== set.features[index].name)) continue;
      try {
        this.vectors.add(set, JSON.parse(requestJson) as Record<string, unknown>, asOf);
        this.checked.push(prediction);
      } catch (error) {
        if (!(error instanceof RheiError && error.code === 'invalid')) throw error;
      }
    }
  }

  get lookups(): Vectors['lookups'] {
    return this.vectors.lookups;
  }

  get count(): number {
    return this.checked.length;
  }

  /** Bit by bit; a value that is withheld or missing is none. */
  differences(found: readonly (ValueRow | undefined)[]): ServedDifference[] {
    return this.vectors.resolve(found).flatMap(({ features }, index) => {
      const { id, asOf, features: served } = this.checked[index];
      return features.flatMap(({ name, value = null }, at): ServedDifference[] => {
        const before = served[at].value ?? null;
        return Object.is(before, value) ? [] : [{ prediction: id, asOf, feature: name, served: before, recomputed: value }];
      });
    });
  }
}
