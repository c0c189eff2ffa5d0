import { binTable, LARGEST_FLOAT32, type BinnedTable } from './bins';
import { baseRate, type Ensemble } from './ensemble';
import { FitCancelled, refuse } from './errors';
import { treeGrower, type GrownNode } from './grow';
import { hash32 } from './hash';
import { GRID, MAX_ROWS } from './histogram';
import { boostingParams, type BoostingParams } from './params';
import { sigmoid } from './sigmoid';
import type { Split } from './split';
import { faultsOf, labelFaults, type Labels, type Table } from './table';

export interface FitOptions {
  /** Called after each tree. */
  readonly onProgress?: (progress: { readonly tree: number; readonly trees: number }) => void;
  /** Asked before each tree; true ends the fit with {@link FitCancelled}. */
  readonly cancelled?: () => boolean;
  /** What a row is known by when rows are sampled, 32 bits each; its position by default. With keys, order does not matter. */
  readonly rowKeys?: ArrayLike<number>;
}

const ROWS = 1;
const COLUMNS = 2;

/**
 * Boosts trees for the log loss of two classes (histograms, Newton steps, leaf-wise growth). The same table, labels and
 * parameters give the same ensemble, bit by bit; the order of the rows has no influence (with sampling: given `rowKeys`).
 * Throws {@link TabularError} with all faults of the input, {@link FitCancelled} when asked to stop.
 */
export function fitBoosting(table: Table, labels: Labels, given: Partial<BoostingParams> = {}, options: FitOptions = {}): Ensemble {
  const params = boostingParams(given);
  refuse([...faultsOf(table), ...labelFaults(labels, table.rows), ...sizeFaults(table, options)]);
  const writer = ensembleWriter(table.names, baseOf(labels));
  growTrees(table, labels, params, options, (root, binned) => {
    writer.add(root, binned);
    return true;
  });
  return writer.done();
}

/** Log-odds of the base rate, from which the first tree starts; with one class only, half a row is added to each class so that they stay finite. */
export function baseOf(labels: Labels): number {
  const rate = baseRate(labels);
  const share = rate === 0 || rate === 1 ? (rate * labels.length + 0.5) / (labels.length + 1) : rate;
  return Math.fround(Math.log(share / (1 - share))) + 0;
}

/**
 * Grows the trees of a fit one after the other and hands each to `take`, which says whether to go on. Input and
 * parameters have been checked. Throws {@link FitCancelled} when asked to stop.
 */
export function growTrees(table: Table, labels: Labels, params: BoostingParams, options: FitOptions, take: (root: GrownNode, binned: BinnedTable) => boolean): void {
  const rate = baseRate(labels);
  // One class only: there is nothing to tell apart.
  if (rate === 0 || rate === 1) return;
  const binned = binTable(table, params.maxBins);
  const grow = treeGrower(binned, params);
  const margins = new Float32Array(table.rows).fill(baseOf(labels));
  const steps = new Float64Array(2 * table.rows);
  const rows = new Int32Array(table.rows);
  for (let tree = 0; tree < params.trees; tree += 1) {
    if (options.cancelled?.()) throw new FitCancelled(tree);
    takeSteps(steps, margins, labels);
    const count = sampleRows(rows, tree, params, options.rowKeys);
    const root = grow(rows, count, steps, sampleColumns(binned.width, tree, params));
    const goesOn = take(root, binned);
    addTree(margins, root, rows, count, binned);
    options.onProgress?.({ tree: tree + 1, trees: params.trees });
    if (!goesOn) return;
  }
}

function sizeFaults(table: Table, { rowKeys }: FitOptions): string[] {
  const faults: string[] = [];
  if (table.rows === 0) faults.push('The table has no rows; a fit needs at least one.');
  if (table.rows > MAX_ROWS) faults.push(`The table has ${table.rows} rows; a fit takes ${MAX_ROWS} at most: sample first.`);
  if (rowKeys !== undefined && rowKeys.length !== table.rows) faults.push(`There are ${rowKeys.length} row keys for ${table.rows} rows; give one key per row.`);
  return faults;
}

/** Gradient and hessian of the log loss by log-odds, rounded to the grid. */
function takeSteps(steps: Float64Array, margins: Float32Array, labels: Labels): void {
  for (let row = 0; row < labels.length; row += 1) {
    const p = sigmoid(margins[row]);
    steps[2 * row] = Math.floor((p - labels[row]) * GRID + 0.5);
    steps[2 * row + 1] = Math.floor(p * (1 - p) * GRID + 0.5);
  }
}

/** Puts the rows of a tree's sample first and the others after them; returns how many are in the sample. */
function sampleRows(rows: Int32Array, tree: number, { rowShare, seed }: BoostingParams, keys?: ArrayLike<number>): number {
  const below = rowShare * 2 ** 32;
  let inside = 0;
  let outside = rows.length;
  for (let row = 0; row < rows.length; row += 1) {
    if (rowShare === 1 || hash32(seed, ROWS, tree, keys?.[row] ?? row) < below) rows[inside++] = row;
    else rows[--outside] = row;
  }
  // A sample that missed every row (few rows, small share) would stop the fit from learning: take them all.
  return inside === 0 ? rows.length : inside;
}

/** The columns of a tree, rising: those with the lowest hashes. */
function sampleColumns(width: number, tree: number, { columnShare, seed }: BoostingParams): Int32Array {
  const all = Int32Array.from({ length: width }, (_, at) => at);
  if (columnShare === 1) return all;
  const hashes = Array.from(all, (at) => hash32(seed, COLUMNS, tree, at));
  const wanted = Math.max(1, Math.round(columnShare * width));
  return all.sort((a, b) => hashes[a] - hashes[b] || a - b).slice(0, wanted).sort();
}

/** Adds a tree to the margins: by leaf for the rows it was grown on, by walking it for the others. */
function addTree(margins: Float32Array, root: GrownNode, rows: Int32Array, count: number, { bins, width }: BinnedTable): void {
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.left !== undefined && node.right !== undefined) pending.push(node.left, node.right);
    else for (let i = node.begin; i < node.end; i += 1) margins[rows[i]] += node.value;
  }
  for (let i = count; i < rows.length; i += 1) {
    const row = rows[i];
    let node = root;
    while (node.split !== undefined && node.left !== undefined && node.right !== undefined) {
      const bin = bins[row * width + node.split.column];
      node = (bin === 0 ? node.split.missingLeft : bin <= node.split.bin) ? node.left : node.right;
    }
    margins[row] += node.value;
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer V)[] ? V[] : T[K] };

/** The threshold at which a grown node parts present values. */
export const thresholdOf = ({ edges }: BinnedTable, { column, bin }: Split): number => edges[column][bin - 1] ?? LARGEST_FLOAT32;

/** Collects trees into an {@link Ensemble}. */
function ensembleWriter(features: readonly string[], base: number) {
  const out: Mutable<Ensemble> = { features: [...features], base, roots: [], feature: [], threshold: [], missingLeft: [], left: [], right: [], value: [], cover: [] };
  const write = (node: GrownNode, binned: BinnedTable): void => {
    const at = out.feature.length;
    const { split, left, right } = node;
    const inner = split !== undefined && left !== undefined && right !== undefined;
    out.feature.push(inner ? split.column : -1);
    out.threshold.push(inner ? thresholdOf(binned, split) : 0);
    out.missingLeft.push(inner && split.missingLeft ? 1 : 0);
    out.left.push(-1);
    out.right.push(-1);
    out.value.push(inner ? 0 : node.value);
    out.cover.push(node.sums.rows);
    if (!inner) return;
    out.left[at] = out.feature.length;
    write(left, binned);
    out.right[at] = out.feature.length;
    write(right, binned);
  };
  return {
    add(root: GrownNode, binned: BinnedTable): void {
      out.roots.push(out.feature.length);
      write(root, binned);
    },
    done: (): Ensemble => out,
  };
}
