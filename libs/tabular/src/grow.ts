import { TabularError } from './errors';
import type { BinnedTable } from './bins';
import { fillHistogram, GRID, layoutOf, subtractHistogram } from './histogram';
import type { BoostingParams } from './params';
import { bestSplit, type Split, type Sums } from './split';

/** A node over the rows `rows[begin..end)` of the grower's row list; a leaf has no children. */
export interface GrownNode {
  readonly sums: Sums;
  readonly begin: number;
  readonly end: number;
  readonly depth: number;
  /** Log-odds that a leaf adds: a float32. */
  readonly value: number;
  split?: Split;
  left?: GrownNode;
  right?: GrownNode;
}

interface Candidate {
  readonly node: GrownNode;
  readonly split: Split;
  readonly histogram: Float64Array;
}

/** Grows one tree on `rows[0..count)` and leaves the rows of each leaf next to each other. Returns the root. */
export type Grow = (rows: Int32Array, count: number, steps: Float64Array, columns: Int32Array) => GrownNode;

const HISTOGRAM_BYTES = 2 ** 31;

/** Prepares what all trees of one fit share. Throws a {@link TabularError} when the histograms would not fit in 2 GiB. */
export function treeGrower(binned: BinnedTable, params: BoostingParams): Grow {
  const layout = layoutOf(binned);
  if (layout.length * 8 * (params.maxLeaves + 1) > HISTOGRAM_BYTES)
    throw new TabularError([`${binned.width} columns with ${params.maxLeaves} leaves need more than 2 GiB of histograms; lower maxLeaves, maxBins or the number of columns.`]);
  const free: Float64Array[] = [];
  const spare = new Int32Array(binned.rows);
  const l2 = params.l2 * GRID;

  const nodeOf = (sums: Sums, begin: number, end: number, depth: number): GrownNode => ({
    sums, begin, end, depth,
    value: sums.hessian + l2 > 0 ? Math.fround((-params.learningRate * sums.gradient) / (sums.hessian + l2)) + 0 : 0,
  });
  const mayGrow = (node: GrownNode) => node.depth < params.maxDepth && node.sums.rows >= 2 * params.minRowsPerLeaf;

  return (rows, count, steps, columns) => {
    let open: Candidate[] = [];
    const fill = (node: GrownNode) => {
      const histogram = free.pop() ?? new Float64Array(layout.length);
      fillHistogram(histogram, layout, binned, columns, rows, node.begin, node.end, steps);
      return histogram;
    };
    const consider = (node: GrownNode, histogram: Float64Array) => {
      const split = mayGrow(node) ? bestSplit(histogram, layout, binned, columns, node.sums, params) : undefined;
      if (split === undefined) free.push(histogram);
      else open.push({ node, split, histogram });
    };

    const root = nodeOf(sumsOf(rows, count, steps), 0, count, 0);
    if (mayGrow(root)) consider(root, fill(root));
    for (let leaves = 1; leaves < params.maxLeaves && open.length > 0; leaves += 1) {
      const { node, split, histogram } = takeBest(open);
      const middle = partition(binned, split, rows, node.begin, node.end, spare);
      const left = nodeOf(split.left, node.begin, middle, node.depth + 1);
      const right = nodeOf(split.right, middle, node.end, node.depth + 1);
      Object.assign(node, { split, left, right });
      if (leaves + 1 === params.maxLeaves || (!mayGrow(left) && !mayGrow(right))) {
        free.push(histogram);
        continue;
      }
      // Only the smaller side is counted; the node's histogram without it is the larger side's.
      const small = split.left.rows <= split.right.rows ? left : right;
      const counted = fill(small);
      subtractHistogram(histogram, counted);
      consider(left, small === left ? counted : histogram);
      consider(right, small === right ? counted : histogram);
    }
    for (const { histogram } of open) free.push(histogram);
    open = [];
    return root;
  };
}

function sumsOf(rows: Int32Array, count: number, steps: Float64Array): Sums {
  let gradient = 0;
  let hessian = 0;
  for (let i = 0; i < count; i += 1) {
    gradient += steps[2 * rows[i]];
    hessian += steps[2 * rows[i] + 1];
  }
  return { gradient, hessian, rows: count };
}

/** Takes out the candidate that gains most, of equal ones the oldest. */
function takeBest(open: Candidate[]): Candidate {
  let best = 0;
  for (let i = 1; i < open.length; i += 1) if (open[i].split.gain > open[best].split.gain) best = i;
  return open.splice(best, 1)[0];
}

/** Brings the rows that go left to the front, keeping the order on both sides; returns where the right side begins. */
function partition({ bins, width }: BinnedTable, split: Split, rows: Int32Array, begin: number, end: number, spare: Int32Array): number {
  let left = begin;
  let right = 0;
  for (let i = begin; i < end; i += 1) {
    const row = rows[i];
    const bin = bins[row * width + split.column];
    if (bin === 0 ? split.missingLeft : bin <= split.bin) rows[left++] = row;
    else spare[right++] = row;
  }
  rows.set(spare.subarray(0, right), left);
  return left;
}
