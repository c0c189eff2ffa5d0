import { orderStatistics } from './order-statistics';

/** So many edges are compared one by one: the processor cannot guess the turns of a search among them. */
const few = 16;

/** A value of a field: a number, a text, a truth, or missing (null, undefined, NaN). */
export type Value = number | string | boolean | null | undefined;

/**
 * How values become counts; plain data, so that it can be kept and sent.
 * - `numeric`: bin i holds edges[i-1] ≤ value < edges[i]; the first and the last are open.
 * - `categorical`: one bin per category, then one for every other.
 * In both, the last bin counts what is missing.
 */
export type Binning =
  | { readonly kind: 'numeric'; readonly edges: readonly number[] }
  | { readonly kind: 'categorical'; readonly categories: readonly string[] };

const isNumber = (value: Value): value is number => typeof value === 'number' && !Number.isNaN(value);

/**
 * The inner edges of bins with about equal counts, ascending and distinct: at most `bins` - 1, fewer where values repeat.
 * Missing values are left out; without any value there is one bin, and no edge.
 */
export function quantileEdges(values: ArrayLike<Value>, bins = 10): number[] {
  if (!Number.isInteger(bins) || bins < 1) throw new RangeError(`The number of bins must be whole and at least 1; got ${bins}.`);
  const numbers = numbersIn(values);
  if (numbers.length === 0) return [];
  // Edges are values that occur, so that no bin is empty in the reference: interpolated ones would lie between the 0 and the 1 of an outcome.
  const [least, ...edges] = orderStatistics(numbers, Array.from({ length: bins }, (_, index) => Math.ceil(((numbers.length - 1) * index) / bins)));
  return edges.filter((edge, index) => edge > least && edge !== edges[index - 1]);
}

/** A copy of what is a number. */
function numbersIn(values: ArrayLike<Value>): Float64Array {
  const numbers = new Float64Array(values.length);
  let size = 0;
  // Numbers that are known as such are not boxed.
  if (values instanceof Float64Array) {
    for (let at = 0; at < values.length; at++) {
      const value = values[at];
      if (value === value) numbers[size++] = value;
    }
    return numbers.subarray(0, size);
  }
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (isNumber(value)) numbers[size++] = value;
  }
  return numbers.subarray(0, size);
}

/** Deciles (or other quantiles) of the reference. */
export const numericBinning = (values: ArrayLike<Value>, bins = 10): Binning => ({ kind: 'numeric', edges: quantileEdges(values, bins) });

/** The `most` frequent categories, the more frequent first, then in the order of their code units. Numbers and truths count by their text. */
export function categoricalBinning(values: ArrayLike<Value>, most = 20): Binning {
  const counts = new Map<string, number>();
  for (const value of Array.from(values)) {
    if (!isMissing(value)) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
  }
  const byCount = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return { kind: 'categorical', categories: byCount.slice(0, most).map(([category]) => category) };
}

const isMissing = (value: Value): boolean => value === null || value === undefined || Number.isNaN(value);

/** The number of counts of a histogram with this binning. */
export const sizeOf = (binning: Binning): number => (binning.kind === 'numeric' ? binning.edges.length : binning.categories.length) + 2;

/** What the counts stand for, in their order, for people: `< 250`, `250 – 500`, `≥ 500`, `other`, `missing`. */
export function labelsOf(binning: Binning): string[] {
  if (binning.kind === 'categorical') return [...binning.categories, 'other', 'missing'];
  const { edges } = binning;
  if (edges.length === 0) return ['any', 'missing'];
  const between = edges.slice(1).map((edge, index) => `${edges[index]} – ${edge}`);
  return [`< ${edges[0]}`, ...between, `≥ ${edges[edges.length - 1]}`, 'missing'];
}

/** Says into which bin a value falls. A text under a numeric binning counts as missing: it is no number. */
export function binOf(binning: Binning): (value: Value) => number {
  if (binning.kind === 'categorical') {
    const other = binning.categories.length;
    const places = new Map(binning.categories.map((category, index) => [category, index]));
    return (value) => (isMissing(value) ? other + 1 : places.get(String(value)) ?? other);
  }
  const { edges } = binning;
  return (value) => {
    if (typeof value === 'boolean') value = Number(value);
    if (!isNumber(value)) return edges.length + 1;
    let low = 0, high = edges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value < edges[middle]) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** The bin of each value. */
export function binsOf(values: ArrayLike<Value>, binning: Binning): Uint32Array {
  const bins = new Uint32Array(values.length);
  if (binning.kind === 'numeric' && values instanceof Float64Array) {
    // Numbers that are known as such are not boxed on their way into a function.
    const edges = Float64Array.from(binning.edges);
    if (edges.length <= few) {
      for (let at = 0; at < values.length; at++) {
        const value = values[at];
        let bin = value === value ? 0 : edges.length + 1;
        for (let edge = 0; edge < edges.length; edge++) bin += Number(value >= edges[edge]);
        bins[at] = bin;
      }
      return bins;
    }
  }
  const bin = binOf(binning);
  for (let at = 0; at < values.length; at++) bins[at] = bin(values[at]);
  return bins;
}

/** Counts values into bins. */
export function histogramOf(values: ArrayLike<Value>, binning: Binning): number[] {
  const counts = new Array<number>(sizeOf(binning)).fill(0);
  for (const bin of binsOf(values, binning)) counts[bin]++;
  return counts;
}

/** Counts numbers between edges: the numeric case of {@link histogramOf}. The last count is what is missing. */
export const histogram = (values: ArrayLike<Value>, edges: readonly number[]): number[] => histogramOf(values, { kind: 'numeric', edges });
