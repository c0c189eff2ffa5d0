import type { Table } from './table';

/** The largest float32: every finite input is at most this. */
export const LARGEST_FLOAT32 = 3.4028234663852886e38;

/** A table cut into bins: bin 0 holds missing values, bin b the values in (edge[b-2], edge[b-1]]. */
export interface BinnedTable {
  readonly rows: number;
  readonly width: number;
  /** Row by row: the bin of column f in row i is `bins[i * width + f]`. */
  readonly bins: Uint8Array;
  /** Upper edges of all but the last bin, per column; finite float32 numbers, rising. */
  readonly edges: readonly Float64Array[];
  /** Whether a threshold exists that has all present values of the column on its left. */
  readonly bounded: readonly boolean[];
}

/** Cuts each column at quantiles into at most `maxBins` bins of present values. */
export function binTable(table: Table, maxBins: number): BinnedTable {
  const width = table.columns.length;
  const bins = new Uint8Array(table.rows * width);
  const edges: Float64Array[] = [];
  const bounded: boolean[] = [];
  table.columns.forEach((column, at) => {
    const values = Float32Array.from(column);
    const sorted = values.filter((value) => !Number.isNaN(value)).sort();
    const cuts = binEdges(sorted, maxBins);
    edges.push(cuts);
    bounded.push(sorted.length === 0 || sorted[sorted.length - 1] !== Infinity);
    for (let row = 0; row < table.rows; row += 1) bins[row * width + at] = binOf(values[row], cuts);
  });
  return { rows: table.rows, width, bins, edges, bounded };
}

/**
 * Edges between bins of about equal weight. A value with many rows closes its bin, and what is left is shared out again
 * over the bins that are left. `sorted` holds float32 numbers, rising, without NaN.
 */
export function binEdges(sorted: Float32Array, maxBins: number): Float64Array {
  const edges: number[] = [];
  let start = 0;
  let at = 0;
  const many = distinctCount(sorted, maxBins + 1) > maxBins;
  while (at < sorted.length && edges.length < maxBins - 1) {
    const value = sorted[at];
    let next = at + 1;
    while (next < sorted.length && sorted[next] === value) next += 1;
    if (next >= sorted.length) break;
    const share = (sorted.length - start) / (maxBins - edges.length);
    if (!many || next - start >= share) {
      const edge = edgeBetween(value, sorted[next]);
      if (edge !== undefined) {
        edges.push(edge);
        start = next;
      }
    }
    at = next;
  }
  return Float64Array.from(edges);
}

function distinctCount(sorted: Float32Array, upTo: number): number {
  let count = sorted.length > 0 ? 1 : 0;
  for (let i = 1; i < sorted.length && count < upTo; i += 1) if (sorted[i] !== sorted[i - 1]) count += 1;
  return count;
}

/** A finite float32 t with low <= t < high, near the middle; undefined when there is none (-Infinity and the least number). */
function edgeBetween(low: number, high: number): number | undefined {
  // Adding 0 makes -0 into 0: JSON has only one zero.
  const middle = Math.fround(low / 2 + high / 2) + 0;
  if (Number.isFinite(middle) && middle >= low && middle < high) return middle;
  if (Number.isFinite(low)) return low + 0;
  return high > -LARGEST_FLOAT32 ? -LARGEST_FLOAT32 : undefined;
}

/** The bin of a float32 value: 0 for NaN, else 1 + the number of edges below it. */
export function binOf(value: number, edges: Float64Array): number {
  if (value !== value) return 0;
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= edges[middle]) high = middle;
    else low = middle + 1;
  }
  return low + 1;
}
