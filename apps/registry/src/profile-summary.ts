import type { training } from '@rhei/contracts';

/** How much of each watched value the reference profile has seen, without its histograms. Instants in microseconds. */
export interface ProfileSummary {
  bucket: number;
  from: number;
  to: number;
  series: { name: string; origin: string; kind: 'numeric' | 'categorical'; values: number; missing: number }[];
}

/** Counts the values of each series; the last count of every bucket is of what was missing. */
export function summaryOf({ bucket, from, to, series }: training.ReferenceProfile): ProfileSummary {
  return { bucket, from, to, series: series.map(({ name, origin, categories, buckets }) => {
    const counts = buckets.map((one) => one.counts);
    const total = counts.reduce((sum, row) => sum + row.reduce((all, count) => all + count, 0), 0);
    return { name, origin, kind: categories.length > 0 ? 'categorical' : 'numeric', values: total, missing: counts.reduce((sum, row) => sum + (row.at(-1) ?? 0), 0) };
  }) };
}
