import { parseInstant } from '@rhei/expressions';

/** A figure with its 95 % interval. */
export interface Interval { low: number; high: number }
export interface Difference extends Interval { mean: number; rows?: number }
export interface Calibration extends Partial<Interval> {
  error: number;
  /** Of observed on predicted log odds; 1: neither too sure nor too unsure. */
  slope?: number;
}

/** The scores of one on the holdout: `logLoss`, `auc`, `brier`, as far as they were measured. */
export interface Scores {
  [metric: string]: number | Calibration | undefined;
  calibration?: Calibration;
}

/** The loss on the holdout's rows in which a field has a value; `difference` is this version less the champion, without one less the base rate. */
export interface Slice {
  field: string;
  value: string;
  rows: number;
  logLoss?: number;
  difference?: Difference;
}

export type Opponent = 'champion' | 'linear' | 'baseRate';
export const opponents: readonly Opponent[] = ['champion', 'linear', 'baseRate'];

/** The part of a run's report on which gates decide. What was not measured is absent. */
export interface Report {
  challenger: Scores;
  /** Empty when the run compared with nothing. */
  champion: Scores;
  /** The artifact that the run compared with; empty for none. */
  championDigest: string;
  linear: Scores;
  baseRate: Scores;
  /** This version's loss less that of the other, on the same rows. */
  difference: Partial<Record<Opponent, Difference>>;
  /** Absent when no slices were measured: none at all must not open a gate that asks for all of them. */
  slices?: Slice[];
  /** Instants in microseconds. */
  holdout: Record<string, number>;
  fit: Record<string, number>;
}

/** Takes what gates decide on out of a run's report; undefined when it is no report. A field of another shape is as absent. */
export function readReport(json: unknown): Report | undefined {
  if (!isObject(json) || !isObject(json.challenger)) return undefined;
  const champion = isObject(json.champion) ? json.champion : {};
  const difference = isObject(json.difference) ? json.difference : {};
  return {
    challenger: scores(json.challenger),
    champion: scores(champion),
    championDigest: typeof champion.digest === 'string' ? champion.digest : '',
    linear: scores(json.linear),
    baseRate: scores(json.baseRate),
    difference: Object.fromEntries(opponents.flatMap((name) => {
      const read = differenceIn(difference[name]);
      return read === undefined ? [] : [[name, read]];
    })),
    ...slicesIn(json.slices),
    holdout: numbers(json.holdout),
    fit: numbers(json.fit),
  };
}

function scores(value: unknown): Scores {
  if (!isObject(value)) return {};
  const { error, ...interval } = numbers(value.calibration);
  return { ...numbers(value), ...(error !== undefined && { calibration: { error, ...pick(interval, ['low', 'high', 'slope']) } }) };
}

function differenceIn(value: unknown): Difference | undefined {
  const { mean, low, high, rows } = numbers(value);
  return mean === undefined || low === undefined || high === undefined ? undefined : { mean, low, high, ...(rows !== undefined && { rows }) };
}

function slicesIn(value: unknown): Pick<Report, 'slices'> {
  const slices = Array.isArray(value) ? value.flatMap(sliceIn) : [];
  return slices.length === 0 ? {} : { slices };
}

function sliceIn(value: unknown): Slice[] {
  if (!isObject(value) || typeof value.field !== 'string' || !Number.isSafeInteger(value.rows)) return [];
  const { rows, logLoss } = numbers(value);
  const difference = differenceIn(value.difference);
  return [{ field: value.field, value: String(value.value ?? ''), rows, ...(logLoss !== undefined && { logLoss }), ...(difference && { difference }) }];
}

/** The numbers of an object; texts under `from` and `to` are read as instants. */
export function numbers(value: unknown): Record<string, number> {
  if (!isObject(value)) return {};
  const read = Object.entries(value).map(([key, item]) => [key, key === 'from' || key === 'to' ? instantOf(item) : item] as const);
  return Object.fromEntries(read.filter((entry): entry is readonly [string, number] => typeof entry[1] === 'number'));
}

function instantOf(value: unknown): unknown {
  try {
    return typeof value === 'string' ? parseInstant(value) : value;
  } catch {
    return undefined;
  }
}

const pick = (from: Record<string, number>, keys: readonly string[]): Record<string, number> => Object.fromEntries(keys.filter((key) => key in from).map((key) => [key, from[key]]));

export const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
