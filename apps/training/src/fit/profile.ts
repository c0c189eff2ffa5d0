import type { training } from '@rhei/contracts';
import { parseDuration } from '@rhei/expressions';
import { binOf, numericBinning, sizeOf, type Binning } from '@rhei/statistics';
import type { Examples } from './read-examples';
import { FitRefused, type FitTask } from './task';

/**
 * How request fields and outcomes were distributed, bucket by bucket, in the last whole buckets before the run's as-of
 * whose labels were mature and whose feature windows were full. Every bucket of the period stands there, also an empty one.
 */
export function profileOf(examples: Examples, { asOf, filledFrom, reads, spec }: Pick<FitTask, 'asOf' | 'filledFrom' | 'reads' | 'spec'>): training.ReferenceProfile {
  const bucket = parseDuration(spec.profile.bucket);
  const to = Math.floor((asOf - reads.maturity) / bucket) * bucket;
  // A set that reads no view has no windows to fill; its reference begins with its first example.
  const first = examples.time.reduce((least, time) => Math.min(least, time), Infinity);
  const from = Math.max(to - spec.profile.buckets * bucket, Math.ceil(filledFrom / bucket) * bucket, Math.floor(first / bucket) * bucket);
  if (from >= to) throw new FitRefused(`No whole bucket of ${spec.profile.bucket} lies between the filling of the feature windows and the newest mature label; expected at least one for the reference profile.`);
  const rows = Uint32Array.from({ length: examples.time.length }, (_, row) => row).filter((row) => examples.time[row] >= from && examples.time[row] < to);
  const series = (name: string, origin: string, binning: Binning, valueOf: (row: number) => number): training.ProfileSeries => {
    const bin = binOf(binning);
    const buckets = Array.from({ length: (to - from) / bucket }, (_, index) => ({ start: from + index * bucket, counts: new Array<number>(sizeOf(binning)).fill(0) }));
    for (const row of rows) buckets[Math.floor((examples.time[row] - from) / bucket)].counts[bin(valueOf(row))] += 1;
    return { name, origin, buckets, edges: binning.kind === 'numeric' ? [...binning.edges] : [], categories: binning.kind === 'categorical' ? [...binning.categories] : [] };
  };
  return {
    bucket, from, to,
    series: [
      ...reads.request.map((name) => {
        const values = examples.request.get(name)!.values as Float64Array;
        return series(`request.${name}`, 'request', numericBinning(Array.from(rows, (row) => values[row])), (row) => values[row]);
      }),
      series('outcome', 'outcome', { kind: 'categorical', categories: ['0', '1'] }, (row) => examples.labels[row]),
    ],
  };
}
