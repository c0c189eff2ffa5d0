import { quantileOfSorted } from '@rhei/statistics';
import { pairedDifference } from './losses';
import type { Examples } from './read-examples';
import { FitRefused, type Slice } from './task';

/** Values of a text field that have figures of their own; the rest has them together. */
const most = 20;
/** Fewer than for the whole holdout: there may be hundreds of slices. */
const draws = 500;

export interface ToSlice {
  examples: Pick<Examples, 'features' | 'request'>;
  /** Positions of the rows that score, in the order of the losses and of the rows of `days`. */
  holdout: Uint32Array;
  losses: Float64Array;
  /** Of the champion; without one of the base rate. */
  others: Float64Array;
  days: readonly { rows: readonly number[] }[];
  seed: number;
}

/** Figures for the most frequent values of text fields and for the quartiles of numbers, in the order of the plan's names. */
export function slicesOf(names: readonly string[], { examples, holdout, losses, others, days, seed }: ToSlice): Slice[] {
  return names.flatMap((field) => groupsOf(field, examples, holdout).map(({ value, rows }) => {
    const within = new Set(rows);
    const inDays = days.map((day) => ({ rows: day.rows.filter((row) => within.has(row)) }));
    return {
      field, value, rows: rows.length, logLoss: rows.reduce((sum, row) => sum + losses[row], 0) / rows.length,
      difference: differenceOf(pairedDifference(losses, others, inDays, { seed, name: `slice ${field} ${value}`, draws })),
    };
  }));
}

const differenceOf = (found: ReturnType<typeof pairedDifference>): Slice['difference'] => found === undefined ? null : { mean: found.mean, low: found.low, high: found.high };

interface Group { value: string; rows: number[] }

function groupsOf(name: string, { features, request }: ToSlice['examples'], holdout: Uint32Array): Group[] {
  const field = name.startsWith('request.') ? request.get(name.slice('request.'.length)) : undefined;
  if (field?.kind === 'text') return byValue(Array.from(holdout, (row) => field.values[row]));
  const values = field?.values ?? features.columns[features.names.indexOf(name)];
  if (values === undefined) throw new FitRefused(`The plan asks for slices of "${name}", which the training set does not have; it has the features ${features.names.join(', ')} and the request fields ${[...request.keys()].join(', ')}.`);
  return byQuartile(Array.from(holdout, (row) => values[row]));
}

/** The most frequent first; of equally frequent ones the first by its code points. */
function byValue(values: readonly string[]): Group[] {
  const groups = new Map<string, number[]>();
  values.forEach((value, row) => {
    const rows = groups.get(value);
    if (rows === undefined) groups.set(value, [row]);
    else rows.push(row);
  });
  const sorted = [...groups].map(([value, rows]) => ({ value, rows })).sort((a, b) => b.rows.length - a.rows.length || (a.value < b.value ? -1 : 1));
  const rest = sorted.slice(most).flatMap(({ rows }) => rows).sort((a, b) => a - b);
  return [...sorted.slice(0, most), ...(rest.length === 0 ? [] : [{ value: 'other', rows: rest }])];
}

/** `a..b` holds what is above the quartile a and at most b; the first one a too. What is missing stands last. */
function byQuartile(values: readonly number[]): Group[] {
  const sorted = Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort();
  const missing = values.flatMap((value, row) => (Number.isNaN(value) ? [row] : []));
  const gap = missing.length === 0 ? [] : [{ value: 'missing', rows: missing }];
  if (sorted.length === 0) return gap;
  const edges = [...new Set([0.25, 0.5, 0.75, 1].map((share) => (share === 1 ? sorted[sorted.length - 1] : quantileOfSorted(sorted, share))))];
  const groups = edges.map((edge, at) => {
    const from = at === 0 ? sorted[0] : edges[at - 1];
    const rows = values.flatMap((value, row) => (value <= edge && (at === 0 || value > from) ? [row] : []));
    return { value: from === edge ? numberIn(edge) : `${numberIn(from)}..${numberIn(edge)}`, rows };
  });
  return [...groups.filter(({ rows }) => rows.length > 0), ...gap];
}

const numberIn = (value: number): string => String(Number(value.toPrecision(6)));
