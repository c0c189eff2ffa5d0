import { decideDrift } from '../src/decide-drift';
import { rateTest } from '../src/rate-test';
import { drawsFor, windowTest } from '../src/window-test';
import { clumpyDays, dice, type Days, type Shift } from './clumpy-world';

export type Thing = 'number' | 'category' | 'outcome' | 'missing' | 'volume';
export interface Case {
  name: string;
  shift: Shift;
  /** What must alarm. */
  moves: Thing | 'nothing';
  /** What also moves: a number loses rows to its last bin when values are missing. */
  also?: Thing;
  /** By rows a day: the windows within which nine of ten worlds must have found it. Nothing is promised where it is left out. */
  within?: Record<number, number>;
}

export interface Setting {
  /** Rows a day on average. */
  rows: number;
  /** Worlds that are made; each has a reference of six weeks of its own. */
  worlds: number;
  /** Weeks that the shift lasts. */
  windows: number;
  budget: number;
  seed: number;
}

export interface Finding {
  name: string;
  moves: Case['moves'];
  /** Mean effect in the windows, in the unit of what moved. */
  effect: number;
  /** By window: the share of worlds in which what moved has alarmed by then; for "nothing", in which anything has. */
  foundBy: number[];
  /** Windows in which something alarmed that did not move, of all windows. */
  false: number;
  windows: number;
}

const floors: Record<Thing, number> = { number: 0.03, category: 0.03, outcome: 0.03, missing: 0.02, volume: 0.2 };
const things = Object.keys(floors) as Thing[];

/** Decides one window over all five watched things under one budget, as a monitor does with its defaults. */
export function decideWindow(reference: Days, window: Days, { budget, seed }: { budget: number; seed: string }) {
  const options = { cycle: 7, atLeast: 5, draws: drawsFor(things.length, budget), seed };
  return decideDrift(things.map((name) => {
    const test = name === 'missing' || name === 'volume'
      ? rateTest({ ...options, name, reference: reference[name], window: window[name], measure: name === 'volume' ? 'relative' : 'difference' })
      : windowTest({ ...options, name, reference: reference[name], window: window[name] });
    return { ...test, floor: floors[name] };
  }), { budget });
}

/** Windows after one reference hang together, so worlds in which nothing changes have one each, and are more: few of those windows alarm. */
export const settingOf = ({ moves }: Case, rows: number): Setting => ({ rows, budget: 0.01, seed: 7, ...(moves === 'nothing' ? { worlds: 1_000, windows: 1 } : { worlds: 60, windows: 4 }) });

/** In how many worlds, and within how many windows, a lasting shift is found. */
export function study({ name, shift, moves, also }: Case, { rows, worlds, windows, budget, seed }: Setting): Finding {
  const foundBy = new Array<number>(windows).fill(0);
  let wrong = 0, effect = 0;
  for (let world = 0; world < worlds; world++) {
    const roll = dice(seed * 1_000_003 + world);
    const reference = clumpyDays(roll, { from: 0, days: 42, rows });
    let found = false;
    for (let at = 0; at < windows; at++) {
      const { verdicts } = decideWindow(reference, clumpyDays(roll, { from: 42 + 7 * at, days: 7, rows }, shift), { budget, seed: `${name} ${world} ${at}` });
      const alarms = verdicts.filter(({ verdict }) => verdict === 'alarm').map((test) => test.name);
      found ||= moves === 'nothing' ? alarms.length > 0 : alarms.includes(moves);
      if (found) foundBy[at]++;
      if (alarms.some((alarm) => alarm !== moves && alarm !== also)) wrong++;
      effect += verdicts.find((test) => test.name === moves)?.effect ?? 0;
    }
  }
  return { name, moves, effect: effect / (worlds * windows), foundBy: foundBy.map((count) => count / worlds), false: wrong, windows: worlds * windows };
}

/** Windows within which at least `share` of the worlds found it; undefined: not within those that were studied. */
export function windowsFor({ foundBy }: Finding, share = 0.9): number | undefined {
  const at = foundBy.findIndex((found) => found >= share);
  return at < 0 ? undefined : at + 1;
}

/** Rows a day: 10,000 and 150,000 in half a year. */
export const sizes = [55, 830] as const;

const numbers = (what: string, moves: Thing, injected: readonly [name: string, shift: Shift, small?: number, large?: number][], also?: Thing): Case[] =>
  injected.map(([name, shift, small, large]) => {
    const within: Record<number, number> = {};
    if (small !== undefined) within[sizes[0]] = small;
    if (large !== undefined) within[sizes[1]] = large;
    return { name: `${what} ${name}`, shift, moves, ...(also && { also }), within };
  });

export const cases: Case[] = [
  { name: 'nothing', shift: {}, moves: 'nothing' },
  ...numbers('mean', 'number', [['+ 0.1 deviations', { mean: 0.1 }], ['+ 0.2 deviations', { mean: 0.2 }, undefined, 4], ['+ 0.3 deviations', { mean: 0.3 }, undefined, 2], ['+ 0.5 deviations', { mean: 0.5 }, 1, 1]]),
  ...numbers('spread', 'number', [['× 1.15', { scale: 1.15 }], ['× 1.3', { scale: 1.3 }, 4, 1], ['× 1.5', { scale: 1.5 }, 1, 1]]),
  ...numbers('mix', 'category', [['3 points', { mix: 0.03 }], ['5 points', { mix: 0.05 }], ['10 points', { mix: 0.1 }, 2, 1]]),
  ...numbers('missing rate', 'missing', [['+ 1 point', { missing: 0.01 }], ['+ 2 points', { missing: 0.02 }], ['+ 4 points', { missing: 0.04 }, undefined, 1], ['+ 8 points', { missing: 0.08 }, 2, 1]], 'number'),
  ...numbers('label rate', 'outcome', [['+ 4 points', { label: 0.04 }], ['+ 8 points', { label: 0.08 }, undefined, 4], ['+ 12 points', { label: 0.12 }, 4, 1]]),
  ...numbers('rows', 'volume', [['× 0.85', { volume: 0.85 }], ['× 0.7', { volume: 0.7 }, 1, 1], ['× 0.5', { volume: 0.5 }, 1, 1]]),
];
