import type { Bucket } from '../src/buckets';
import type { BucketSum } from '../src/rate-test';

/** A small generator for the data only (mulberry32); what is studied makes its own choices. */
export const dice = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};
const normal = (roll: () => number): number => Math.sqrt(-2 * Math.log(1 - roll())) * Math.cos(2 * Math.PI * roll());
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
const logit = (p: number): number => Math.log(p / (1 - p));

/** What is made different from some day on. */
export interface Shift {
  /** Of a number, in its standard deviations. */
  mean?: number;
  /** Its spread, as a factor. */
  scale?: number;
  /** Points of share that move from the most frequent of four categories to the rarest. */
  mix?: number;
  /** Points of a missing rate of 5 %. */
  missing?: number;
  /** Points of a label rate of 20 %. */
  label?: number;
  /** Of the rows, as a factor. */
  volume?: number;
}

/** Days as a monitor sees them: a number in ten bins with a last one for what is missing, a category, an outcome, rows, and what is missing among them. */
export interface Days {
  number: Bucket[];
  category: Bucket[];
  outcome: Bucket[];
  missing: BucketSum[];
  volume: BucketSum[];
}

/** Deciles of the standard normal distribution. */
const deciles = [-1.2816, -0.8416, -0.5244, -0.2533, 0, 0.2533, 0.5244, 0.8416, 1.2816];
const shares = [0.4, 0.3, 0.2, 0.1];

/**
 * Days that are clumps, as real ones are: each has its own weather, which moves all of its rows (the number by 0.1 of its deviation, the
 * odds of a category by 0.1, of a missing value by 0.3, of the label by 0.3, the rows by 6 %), and a pattern of the week (the rows by a
 * third, the label's odds by 0.15). `from` is the number of the first day; a shift holds on all of them.
 */
export function clumpyDays(roll: () => number, { from, days, rows }: { from: number; days: number; rows: number }, shift: Shift = {}): Days {
  const made: Days = { number: [], category: [], outcome: [], missing: [], volume: [] };
  for (let index = from; index < from + days; index++) {
    const weekend = index % 7 >= 5;
    const size = Math.max(1, Math.round(rows * (weekend ? 0.75 : 1.1) * (1 + 0.06 * normal(roll)) * (shift.volume ?? 1)));
    const middle = 0.1 * normal(roll) + (shift.mean ?? 0);
    const lost = logistic(logit(0.05) + 0.3 * normal(roll)) + (shift.missing ?? 0);
    const late = logistic(logit(0.2) + 0.3 * normal(roll) + (weekend ? -0.15 : 0.06)) + (shift.label ?? 0);
    const odds = shares.map((share) => share * Math.exp(0.1 * normal(roll)));
    const sum = odds.reduce((a, b) => a + b, 0);
    const mix = odds.map((odd, at) => odd / sum + (at === 0 ? -1 : at === 3 ? 1 : 0) * (shift.mix ?? 0));
    const number = new Array<number>(11).fill(0);
    const category = new Array<number>(6).fill(0);
    const outcome = new Array<number>(4).fill(0);
    for (let row = 0; row < size; row++) {
      if (roll() < lost) number[10]++;
      else number[binOf(middle + (shift.scale ?? 1) * normal(roll))]++;
      category[categoryOf(roll(), mix)]++;
      outcome[roll() < late ? 1 : 0]++;
    }
    made.number.push({ index, counts: number });
    made.category.push({ index, counts: category });
    made.outcome.push({ index, counts: outcome });
    made.missing.push({ index, sum: number[10], size });
    made.volume.push({ index, sum: size, size: 1 });
  }
  return made;
}

/** One such day of the number alone, as values. */
export function clumpyNumbers(roll: () => number, rows: number, shift: Pick<Shift, 'mean' | 'scale'> = {}): number[] {
  const middle = 0.1 * normal(roll) + (shift.mean ?? 0);
  return Array.from({ length: rows }, () => middle + (shift.scale ?? 1) * normal(roll));
}

function binOf(value: number): number {
  let bin = 0;
  while (bin < deciles.length && value >= deciles[bin]) bin++;
  return bin;
}

function categoryOf(point: number, mix: readonly number[]): number {
  let at = 0;
  for (let sum = mix[0]; at < 3 && point >= sum; sum += mix[at]) at++;
  return at;
}
