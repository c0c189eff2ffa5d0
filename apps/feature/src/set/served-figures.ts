import type { GaugeReading } from '@rhei/runtime';
import type { Deps } from '../deps';
import { servedCounts } from './served.store';

/** For `/metrics`: how many predictions were computed again, and how many of them had been served something else. */
export async function servedFigures({ database }: Pick<Deps, 'database'>): Promise<GaugeReading[]> {
  return (await servedCounts(database)).flatMap(({ featureSet, checked, differing }): GaugeReading[] => [
    { name: 'rhei_feature_served_checked_total', help: 'Predictions whose features were computed again as known at their as-of.', labels: { feature_set: featureSet }, type: 'counter', value: checked },
    { name: 'rhei_feature_served_differing_total', help: 'Of those, predictions that had been served another value of some feature.', labels: { feature_set: featureSet }, type: 'counter', value: differing },
  ]);
}
