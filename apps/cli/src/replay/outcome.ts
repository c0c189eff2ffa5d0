import { RheiError, type monitoring } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { binomialRange, FEWEST_DAYS } from '@rhei/statistics';
import { signed, signedRange } from '../signed';
import { ask, type Doors } from './doors';
import type { Rollback } from './rollbacks';

export type Interval = [low: number, high: number];

export interface Compared {
  rows: number;
  days: number;
  /** Mean loss of what was live less that of the version that was never retrained, and its 95 % interval over blocks of days. */
  difference: number;
  interval: Interval | null;
  live: monitoring.Scored;
  neverRetrained: monitoring.Scored;
}

/** What the monitors say about the whole of a story. */
export interface Outcome {
  /** What was live against the first version that ever was, on the same predictions; null where nothing can be compared. */
  comparison: { model: string; baseline: number; overall: Compared | null; months: (Compared & { month: string })[]; seen: number; same: number } | null;
  helped: { difference: number; interval: Interval; rows: number } | null;
  judged: { monitor: string; model: string; version: number; replaced: number; verdict: string; difference: number; interval: Interval; rows: number; days: number; reason: string; at: string }[];
  alarms: { monitor: string; window: [from: string, to: string]; at: string; tests: AlarmedTest[]; retraining: string; reason: string }[];
  windows: { tested: number; alarms: number; declined: number };
  /** Loss by deployment, version and month, on the predictions that each served. */
  performance: (monitoring.Performance & { deployment: string; model: string })[];
  /** By monitor, of the windows that tested something: how many alarmed, and between how many chance alone would have, within the budget. */
  falseAlarms: { monitor: string; windows: number; alarms: number; budget: number; interval: Interval }[];
  /** Effect of each value that a monitor watches, window by window. */
  effects: { monitor: string; name: string; measure: string; floor: number; points: { to: string; effect: number; alarm: boolean }[] }[];
  cost: (monitoring.Cost & { monitor: string })[];
}

export interface AlarmedTest {
  name: string;
  reference: string;
  slice: string;
  measure: string;
  effect: number;
  pValue: number;
}

/** Asks the monitors for what came of the story. `deployment`: the one whose answers are compared. */
export async function outcomeOf(doors: Doors, deployment: string | undefined): Promise<Outcome> {
  const { monitors } = await ask(doors, doors.monitoring, doors.monitoring.listMonitors, {});
  const of = <Request extends { monitor: string }, Response>(method: Parameters<typeof ask<Request, Response>>[2], rest: Omit<Request, 'monitor'>): Promise<Response[]> =>
    Promise.all(monitors.map(({ name }) => ask<Request, Response>(doors, doors.monitoring, method, { monitor: name, ...rest } as Request)));
  const windows = (await of<monitoring.ListWindowsRequest, monitoring.ListWindowsResponse>(doors.monitoring.listWindows, {})).flatMap((answer, index) => answer.windows.map((window) => ({ monitor: monitors[index].name, window })));
  const promotions = (await of<monitoring.ListPromotionsRequest, monitoring.ListPromotionsResponse>(doors.monitoring.listPromotions, {})).flatMap((answer, index) => answer.promotions.map((one) => ({ monitor: monitors[index].name, ...one })));
  // Of a deployment each of its monitors says the same.
  const performance = (await of<monitoring.GetPerformanceRequest, monitoring.GetPerformanceResponse>(doors.monitoring.getPerformance, {})).flatMap(({ rows }, index) => {
    const { deployment: name, model } = monitors[index];
    return monitors.findIndex((one) => one.deployment === name) === index ? rows.map((row) => ({ deployment: name, model, ...row })) : [];
  });
  const comparing = monitors.find((one) => one.deployment === deployment);
  const comparison = comparing === undefined ? null : await compare(doors, comparing);
  const tested = windows.filter(({ window }) => window.tests.some(({ shown }) => !shown));
  const alarmed = windows.filter(({ window }) => window.alarm);
  const judged = promotions.filter(({ judgedAt }) => judgedAt > 0);
  return {
    comparison,
    helped: helped(comparison?.overall ?? null),
    judged: judged.map(({ monitor, model, version, replaced, verdict, difference, low, high, rows, days, reason, judgedAt }) =>
      ({ monitor, model, version, replaced, verdict, difference, interval: [low, high], rows, days, reason, at: formatInstant(judgedAt) })),
    alarms: alarmed.map(({ monitor, window: { from, to, decidedAt, tests, retraining, reason } }) => ({
      monitor, window: [formatInstant(from), formatInstant(to)], at: formatInstant(decidedAt), retraining, reason,
      tests: tests.filter(({ alarm }) => alarm).map(({ name, reference, slice, measure, effect, pValue }) => ({ name, reference, slice, measure, effect, pValue })),
    })),
    windows: { tested: tested.length, alarms: alarmed.length, declined: windows.filter(({ window }) => window.retraining === 'declined').length },
    performance,
    falseAlarms: monitors.flatMap(({ name, budget }) => {
      const own = tested.filter(({ monitor }) => monitor === name);
      return own.length === 0 ? [] : [{ monitor: name, windows: own.length, alarms: own.filter(({ window }) => window.alarm).length, budget, interval: binomialRange(own.length, budget) }];
    }),
    effects: effectsOf(windows),
    cost: monitors.flatMap(({ name, cost }) => (cost === undefined ? [] : [{ monitor: name, ...cost }])),
  };
}

/** Of the promotions that a verdict could be told of: how many hurt, and how many would by chance alone were no version worse. */
export interface Trials {
  judged: number;
  hurt: number;
  error: number;
  interval: Interval;
  of: { model: string; version: number; hurt: boolean }[];
}

/** A verdict takes the whole 95 % interval to lie on one side of 0: on either side it does by chance in one of forty. */
const byChance = 0.025;

/**
 * What could not have hurt by any figures is no trial, such as one of too few days; nor is one that was taken back before its
 * verdict, since it was for its figures that it was.
 */
export function trialsIn(judged: Outcome['judged'], rollbacks: readonly Rollback[]): Trials {
  const of = judged
    .filter(({ model, version, interval: [low, high], days, at }) => high > low && days >= FEWEST_DAYS && !rollbacks.some((one) => one.model === model && one.version === version && one.at < at))
    .map(({ model, version, verdict }) => ({ model, version, hurt: verdict === 'hurt' }));
  return { judged: of.length, hurt: of.filter(({ hurt }) => hurt).length, error: byChance, interval: binomialRange(of.length, byChance), of };
}

async function compare(doors: Doors, { name: monitor, model }: monitoring.Monitor): Promise<Outcome['comparison']> {
  try {
    const { baseline, overall, months, seen, same } = await ask(doors, doors.monitoring, doors.monitoring.getComparison, { monitor, candidate: 'live', baseline: 'first', from: 0, to: 0 });
    return {
      model, baseline, overall: compared(overall), seen, same,
      months: months.flatMap(({ month, paired }) => {
        const one = compared(paired);
        return one === null ? [] : [{ month, ...one }];
      }),
    };
  } catch (error) {
    // Nothing was ever live, or no second version scored beside it.
    if (error instanceof RheiError && (error.code === 'not_found' || error.code === 'rejected' || error.code === 'conflict')) return null;
    throw error;
  }
}

function compared(paired: monitoring.Paired | undefined): Compared | null {
  if (paired?.candidate === undefined || paired.baseline === undefined || paired.rows === 0) return null;
  const { difference, low, high, rows, days, candidate, baseline } = paired;
  return { rows, days, difference, interval: low === undefined || high === undefined ? null : [low, high], live: candidate, neverRetrained: baseline };
}

const helped = (overall: Compared | null): Outcome['helped'] =>
  overall === null || overall.interval === null ? null : { difference: overall.difference, interval: overall.interval, rows: overall.rows };

/** One line for each value, reference and slice that a monitor tested, the strongest first. */
function effectsOf(windows: { monitor: string; window: monitoring.Window }[]): Outcome['effects'] {
  const byName = new Map<string, Outcome['effects'][number]>();
  for (const { monitor, window: { to, tests } } of [...windows].sort((a, b) => a.window.to - b.window.to)) {
    for (const { name, reference, slice, measure, effect, alarm, floor } of tests) {
      const full = `${name}${slice === '' ? '' : ` (${slice})`}${reference === 'moving' ? ', moving' : ''}`;
      const key = JSON.stringify([monitor, full]);
      const line = byName.get(key) ?? { monitor, name: full, measure: measure === '' ? 'psi' : measure, floor, points: [] };
      line.points.push({ to: formatInstant(to), effect, alarm });
      byName.set(key, line);
    }
  }
  const strongest = ({ points }: Outcome['effects'][number]): number => Math.max(...points.map(({ effect }) => Math.abs(effect)));
  return [...byName.values()].sort((a, b) => strongest(b) - strongest(a) || (`${a.monitor} ${a.name}` < `${b.monitor} ${b.name}` ? -1 : 1));
}

/** The versions that were trained after the first one that answered. */
export interface Successors {
  trained: number;
  /** By their gates. */
  refused: number;
  /** How many of them ever answered. */
  live: number;
}

export type Verdict = 'helped' | 'did not help' | 'unclear' | 'not known';

/**
 * Whether training again was worth it, plainly: an improvement that the interval leaves in doubt is none that we know of.
 */
export function verdictOn({ comparison, helped }: Pick<Outcome, 'comparison' | 'helped'>, { trained, refused, live }: Successors): { verdict: Verdict; sentence: string } {
  if (live === 0) {
    const why = trained === 0 ? 'no other version than the first was ever live' : refused === trained ? `none of what was trained after the first version met its gates (${trained} tried), and no other than the first was ever live`
      : `of ${trained} trained after the first version ${refused} did not meet their gates, and no other than the first was ever live`;
    return { verdict: 'did not help', sentence: `Training again did not help: ${why}.` };
  }
  if (helped === null || comparison?.same === helped.rows) {
    return { verdict: 'not known', sentence: 'Whether training again helped is not known: the first version did not score what its successors answered, or no label of that is mature.' };
  }
  const { difference, interval: [low, high], rows } = helped;
  const figures = `its log loss differs by ${signed(difference)} (95 % interval ${signedRange(low, high)}) on ${rows} predictions that both scored`;
  if (high < 0) return { verdict: 'helped', sentence: `Training again helped: what was live was better than the version that was never retrained; ${figures}.` };
  if (difference < 0) return { verdict: 'unclear', sentence: `It is unclear whether training again helped: the interval holds zero. Against the version that was never retrained ${figures}.` };
  const worse = low > 0 ? 'what was live was worse than the version that was never retrained' : 'what was live was not better than the version that was never retrained, and whether it was worse is open';
  return { verdict: 'did not help', sentence: `Training again did not help: ${worse}; ${figures}.` };
}
