import { blockBootstrap, calibrationBinning, logLossOf } from '@rhei/statistics';
import type { Duration, Instant } from '@rhei/runtime';

/** One question that two versions answered, and its truth. */
export interface Pair {
  /** When its example happens. */
  at: Instant;
  candidate: number;
  baseline: number;
  label: number;
}

export interface CalibrationBin { from: number; to: number; predicted: number; observed: number; rows: number }
export interface Scored { logLoss: number; calibration: CalibrationBin[] }

export interface Comparison {
  /** Mean log loss of the candidate less that of the baseline. */
  difference: number;
  /** 95 % interval by resampling whole buckets; absent with fewer than two. */
  low?: number;
  high?: number;
  rows: number;
  days: number;
  candidate: Scored;
  baseline: Scored;
}

/** The paired comparison of two versions; undefined without a pair. The draws depend on the seed alone. */
export function compare(pairs: readonly Pair[], { bucket, seed }: { bucket: Duration; seed: string }): Comparison | undefined {
  if (pairs.length === 0) return undefined;
  const byBucket = new Map<number, number[]>();
  for (const { at, candidate, baseline, label } of pairs) {
    const index = Math.floor(at / bucket);
    const difference = logLossOf(candidate, label) - logLossOf(baseline, label);
    const known = byBucket.get(index);
    if (known) known.push(difference);
    else byBucket.set(index, [difference]);
  }
  const buckets = [...byBucket].sort(([a], [b]) => a - b).map(([, differences]) => differences);
  const candidate = scoredOf(pairs.map((pair) => ({ probability: pair.candidate, label: pair.label })));
  const baseline = scoredOf(pairs.map((pair) => ({ probability: pair.baseline, label: pair.label })));
  if (buckets.length < 2) return { difference: mean(buckets.flat()), rows: pairs.length, days: buckets.length, candidate, baseline };
  const { mean: difference, low, high, rows, days } = blockBootstrap(buckets, { seed, name: 'comparison' });
  return { difference, low, high, rows, days, candidate, baseline };
}

/** Pairs by calendar month (UTC) of their examples, in order. */
export function byMonth<P extends Pick<Pair, 'at'>>(pairs: readonly P[], monthOf: (at: Instant) => string): [month: string, pairs: P[]][] {
  const months = new Map<string, P[]>();
  for (const pair of pairs) {
    const month = monthOf(pair.at);
    const known = months.get(month);
    if (known) known.push(pair);
    else months.set(month, [pair]);
  }
  return [...months].sort(([a], [b]) => (a < b ? -1 : 1));
}

function scoredOf(rows: readonly { probability: number; label: number }[]): Scored {
  return { logLoss: mean(rows.map(({ probability, label }) => logLossOf(probability, label))), calibration: calibrationOf(rows) };
}

/** Mean probability and observed share by {@link calibrationBinning}, each bin with its lowest and highest probability. */
export function calibrationOf(rows: readonly { probability: number; label: number }[]): CalibrationBin[] {
  const { binOf, count } = calibrationBinning(rows.map(({ probability }) => probability));
  const bins = Array.from({ length: count }, () => ({ from: Infinity, to: -Infinity, predicted: 0, observed: 0, rows: 0 }));
  rows.forEach(({ probability, label }, row) => {
    const bin = bins[binOf[row]];
    bin.from = Math.min(bin.from, probability);
    bin.to = Math.max(bin.to, probability);
    bin.predicted += probability;
    bin.observed += label;
    bin.rows += 1;
  });
  return bins.map((bin) => ({ ...bin, predicted: bin.predicted / bin.rows, observed: bin.observed / bin.rows }));
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
