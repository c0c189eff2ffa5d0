import { formatInstant } from '@rhei/expressions';
import { bucketsOf, decideDrift, drawsFor, sizeOf, windowTest, type Binning, type Bucket, type Value, type WindowTest } from '@rhei/statistics';
import type { Duration, Instant } from '@rhei/runtime';
import type { MonitorSpec } from './monitor-spec';
import { bucketOf, type Window } from './window';

/** One prediction of a window: when its example happened, what was asked, what was answered, and the truth once it is mature. */
export interface Row {
  at: Instant;
  request: Record<string, Value>;
  probability: number;
  label: number | null;
}

/** How the watched values were distributed before a version was trained, as the version brought it. */
export interface Reference {
  version: number;
  bucket: Duration;
  from: Instant;
  to: Instant;
  series: { name: string; origin: string; binning: Binning; buckets: { start: Instant; counts: number[] }[] }[];
}

export interface DriftTest {
  name: string;
  statistic: number;
  pValue: number;
  effect: number;
  alarm: boolean;
}

export interface Verdict {
  tests: DriftTest[];
  /** What could not be tested, and why. */
  untested: { name: string; why: string }[];
}

/**
 * Compares one window with the reference, series by series, and spends one budget of false discoveries on all of them.
 * Whole buckets are resampled, see `windowTest` in libs/statistics. The draws depend on the monitor's name and the window's start alone.
 */
export function testWindow(monitor: string, spec: MonitorSpec, window: Window, rows: readonly Row[], reference: Reference | undefined): Verdict {
  const obstacle = obstacleTo(spec, window, reference);
  if (obstacle !== undefined || !reference) return { tests: [], untested: spec.watch.map((name) => ({ name, why: obstacle ?? '' })) };
  const results = spec.watch.map((name) => testSeries(name, { spec, window, rows, reference, seed: `${monitor} ${formatInstant(window.from)}` }));
  const tested = results.filter((result): result is WindowTest => !('why' in result));
  const { verdicts } = decideDrift(tested, { budget: spec.budget, floor: spec.floor });
  return {
    tests: verdicts.map(({ name, statistic, pValue, effect, verdict }) => ({ name, statistic, pValue, effect, alarm: verdict === 'alarm' })),
    untested: results.filter((result): result is { name: string; why: string } => 'why' in result),
  };
}

function obstacleTo(spec: MonitorSpec, window: Window, reference: Reference | undefined): string | undefined {
  if (!reference) return 'the live version brought no reference profile';
  if (reference.bucket !== bucketOf(spec)) return `the reference of version ${reference.version} counts in other buckets than the monitor's ${spec.bucket}`;
  // What a version has learnt from cannot tell whether the world differs from what it has learnt.
  if (window.from < reference.to) return `the window overlaps the reference of version ${reference.version}, which ends ${formatInstant(reference.to)}`;
  return undefined;
}

interface Context { spec: MonitorSpec; window: Window; rows: readonly Row[]; reference: Reference; seed: string }

function testSeries(name: string, { spec, window, rows, reference, seed }: Context): WindowTest | { name: string; why: string } {
  const series = reference.series.find((each) => (name === 'outcome' ? each.origin === 'outcome' : each.origin === 'request' && (each.name === name || `request.${each.name}` === name)));
  if (!series) return { name, why: `the reference of version ${reference.version} does not hold it` };
  const { binning } = series;
  const bucket = bucketOf(spec);
  const counted = name === 'outcome' ? rows.filter(({ label }) => label !== null) : rows;
  const values = counted.map(({ request, label }) => (name === 'outcome' ? label : request[name.slice('request.'.length)]));
  if (values.length === 0) return { name, why: 'the window holds no value of it' };
  try {
    return windowTest({
      name, seed, cycle: spec.cycle, atLeast: spec.reference - 1, draws: drawsFor(spec.watch.length, spec.budget),
      reference: filled(series.buckets.map(({ start, counts }) => ({ index: Math.floor(start / bucket), counts })), reference, bucket, sizeOf(binning)),
      window: filled(bucketsOf(counted.map(({ at }) => at), values, binning, bucket), window, bucket, sizeOf(binning)),
    });
  } catch (error) {
    if (error instanceof RangeError) return { name, why: error.message };
    throw error;
  }
}

/** All buckets of a span: one without rows is an empty bucket, not a missing one. */
function filled(buckets: readonly Bucket[], span: Window, size: Duration, bins: number): Bucket[] {
  const known = new Map(buckets.map((bucket) => [bucket.index, bucket]));
  for (let index = Math.ceil(span.from / size); index < Math.floor(span.to / size); index++) {
    if (!known.has(index)) known.set(index, { index, counts: new Array<number>(bins).fill(0) });
  }
  return [...known.values()].sort((a, b) => a.index - b.index);
}
