import { formatInstant } from '@rhei/expressions';
import { decideDrift, drawsFor, rateTest, windowTest, type RateTest, type WindowTest } from '@rhei/statistics';
import type { MonitorSpec } from '../monitor/monitor-spec';
import { bucketOf, type Window } from '../window/window';
import { countProfile, countRows, isObstacle, sumProfile, sumRows, type Obstacle, type Profile, type Rows } from './reference';
import type { Row } from './row';
import { slicesOf } from './slices';
import { watchedOf, type Watched } from './watched';

export type ReferenceKind = 'fixed' | 'moving';

export interface DriftTest {
  name: string;
  reference: ReferenceKind;
  /** `request.<field>=<value>`; empty for all rows. */
  slice: string;
  measure: Watched['measure'];
  statistic: number;
  pValue: number;
  effect: number;
  floor: number;
  alarm: boolean;
  /** It has too few rows to alarm. */
  shown: boolean;
  /** Of what has one figure: that of the reference, and that of the window. */
  before?: number;
  after?: number;
  /** Rows of the window behind it. */
  rows: number;
}

export interface Untested { name: string; reference: ReferenceKind; slice: string; why: string }

export interface Verdict {
  tests: DriftTest[];
  /** What could not be tested, and why. */
  untested: Untested[];
}

/** With what a window is compared. */
export interface References {
  /** 0: none. */
  liveVersion: number;
  /** Of the live version. */
  profile: Profile | undefined;
  /** What the live version itself answered in its first days, which no fit has seen: the fixed reference of a loss. */
  ownDays: Rows | Obstacle;
  /** The last quiet windows. */
  moving: Rows | Obstacle;
  /** What a caller sends; another name behind `missing.` is a served feature. */
  requestFields: readonly string[];
}

/** One comparison that a window shall make. */
interface Planned { watched: Watched; reference: ReferenceKind; slice: string; rows: readonly Row[]; from: Rows | Obstacle; shown: boolean }
type Outcome = { planned: Planned; test: WindowTest | RateTest; rows: number } | { planned: Planned; why: string };

/**
 * Compares one window with its references, thing by thing and slice by slice, and spends one budget of false discoveries on all of it.
 * Whole buckets are resampled, see `windowTest` and `rateTest` in libs/statistics. The draws depend on the monitor's name, the window's
 * start and the test's name alone.
 */
export function testWindow(monitor: string, spec: MonitorSpec, window: Window, rows: readonly Row[], references: References): Verdict {
  const plan = planOf(spec, rows, references);
  const seed = `${monitor} ${formatInstant(window.from)}`;
  const outcomes = plan.map((planned) => test(planned, { spec, window, profile: references.profile, seed, draws: drawsFor(plan.length, spec.budget) }));
  const tested = outcomes.filter((outcome) => 'test' in outcome);
  const { verdicts } = decideDrift(tested.map(({ planned: { watched, shown }, test: { name, effect, pValue } }) => ({ name, effect, pValue, floor: watched.floor, shownOnly: shown })), { budget: spec.budget });
  return {
    tests: tested.map(({ planned: { watched, reference, slice, shown }, test: result, rows: count }, at) => ({
      name: watched.name, reference, slice, measure: watched.measure, statistic: result.statistic, pValue: result.pValue, effect: result.effect,
      floor: watched.floor, alarm: verdicts[at].verdict === 'alarm', shown, rows: count, ...('before' in result && { before: result.before, after: result.after }),
    })),
    untested: outcomes.filter((outcome) => 'why' in outcome).map(({ planned: { watched, reference, slice }, why }) => ({ name: watched.name, reference, slice, why })),
  };
}

function planOf(spec: MonitorSpec, rows: readonly Row[], { liveVersion, ownDays, moving, requestFields }: References): Planned[] {
  // A loss that is held against the live version's own days is its own: what a canary answers says nothing of it.
  const ofLive = rows.filter(({ version }) => version === liveVersion);
  const all = spec.watch.map((name) => watchedOf(name, spec, requestFields));
  const kinds: ReferenceKind[] = spec.against === 'both' ? ['fixed', 'moving'] : [spec.against];
  const whole = kinds.flatMap((reference) => all.map((watched): Planned => ({ watched, reference, slice: '', rows: reference === 'fixed' && watched.name === 'loss' ? ofLive : rows, from: reference === 'moving' ? moving : ownDays, shown: false })));
  // A profile counts no slices, so they are held against the monitor's own windows.
  const sliced = slicesOf(spec, rows, moving).flatMap(({ slice, field, window, from, enough }) =>
    [...all, ...(spec.watch.includes('loss') ? [] : [watchedOf('loss', spec, requestFields)])].filter(({ name }) => name !== field)
      .map((watched): Planned => ({ watched, reference: 'moving', slice, rows: window, from, shown: !enough })));
  return [...whole, ...sliced];
}

interface Context { spec: MonitorSpec; window: Window; profile: Profile | undefined; seed: string; draws: number }

function test(planned: Planned, { spec, window, profile, seed, draws }: Context): Outcome {
  const { watched, reference, slice, from } = planned;
  const options = { name: nameOf(planned), seed, cycle: spec.cycle, atLeast: spec.reference - 1, draws };
  const here: Rows = { rows: planned.rows, spans: [window] };
  const bucket = bucketOf(spec);
  // What has a figure that only answers give is held against answers; all else of a fixed reference against the profile.
  const known = reference === 'fixed' && watched.name !== 'loss' ? usable(spec, window, profile) : from;
  if (isObstacle(known)) return { planned, why: known.why };
  try {
    if (watched.kind === 'distribution') {
      const counted = 'series' in known ? countProfile(watched.name, known) : countRows(watched, known, bucket);
      if (isObstacle(counted)) return { planned, why: counted.why };
      const { buckets } = countRows(watched, here, bucket, counted.binning);
      const count = buckets.reduce((sum, { counts }) => sum + counts.reduce((total, one) => total + one, 0), 0);
      if (count === 0) return { planned, why: `the window${slice === '' ? '' : ' of the slice'} holds no value of it` };
      return { planned, rows: count, test: windowTest({ ...options, reference: counted.buckets, window: buckets }) };
    }
    const sums = 'series' in known ? sumProfile(watched, known) : sumRows(watched, known, bucket);
    if (isObstacle(sums)) return { planned, why: sums.why };
    const own = sumRows(watched, here, bucket);
    const count = watched.kind === 'volume' ? planned.rows.length : own.reduce((sum, { size }) => sum + size, 0);
    return { planned, rows: count, test: rateTest({ ...options, reference: sums, window: own, measure: watched.measure, side: watched.kind === 'rate' ? watched.side : 'both' }) };
  } catch (error) {
    if (error instanceof RangeError) return { planned, why: error.message };
    throw error;
  }
}

/** The draws belong to this name. */
const nameOf = ({ watched, reference, slice }: Planned): string => `${watched.name}${slice === '' ? '' : ` [${slice}]`}${reference === 'moving' ? ' (moving)' : ''}`;

function usable(spec: MonitorSpec, window: Window, profile: Profile | undefined): Profile | Obstacle {
  if (!profile) return { why: 'the live version brought no reference profile' };
  if (profile.bucket !== bucketOf(spec)) return { why: `the reference of version ${profile.version} counts in other buckets than the monitor's ${spec.bucket}` };
  // What a version has learnt from cannot tell whether the world differs from what it has learnt.
  if (window.from < profile.to) return { why: `the window overlaps the reference of version ${profile.version}, which ends ${formatInstant(profile.to)}` };
  return profile;
}
