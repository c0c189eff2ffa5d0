import { refuse } from './errors';
import { sigmoid } from './sigmoid';
import type { Table } from './table';

/**
 * Boosted trees as plain data, equal in every byte of its JSON when the fit is repeated. The nodes of all trees stand in
 * one list, each tree in preorder with the left child first: tree t is the nodes from `roots[t]` to `roots[t + 1]`.
 * A row goes left when its value is at most the threshold, or is missing and `missingLeft` is 1.
 * The log-odds of a row are `base` plus its leaf of each tree, added in float32 in the order of the trees.
 */
export interface Ensemble {
  readonly features: readonly string[];
  /** Log-odds before any tree: a float32. */
  readonly base: number;
  readonly roots: readonly number[];
  /** Column of an inner node; -1 for a leaf. */
  readonly feature: readonly number[];
  /** Finite float32; 0 for a leaf. */
  readonly threshold: readonly number[];
  readonly missingLeft: readonly (0 | 1)[];
  /** Position of the child in the lists; -1 for a leaf. */
  readonly left: readonly number[];
  readonly right: readonly number[];
  /** Log-odds that a leaf adds, a float32; 0 for an inner node. */
  readonly value: readonly number[];
  /** Rows of the fit that reached the node. */
  readonly cover: readonly number[];
}

/** Probability of class 1 for each row. Columns are found by name; throws a {@link TabularError} naming absent ones. */
export function predict(ensemble: Ensemble, table: Table): Float64Array {
  return Float64Array.from(margins(ensemble, table), sigmoid);
}

/** Log-odds of class 1 for each row, as a served model adds them up. */
export function margins(ensemble: Ensemble, table: Table): Float32Array {
  const columns = columnsFor(ensemble, table);
  const feature = Int32Array.from(ensemble.feature);
  const threshold = Float32Array.from(ensemble.threshold);
  const missingLeft = Uint8Array.from(ensemble.missingLeft);
  const left = Int32Array.from(ensemble.left);
  const right = Int32Array.from(ensemble.right);
  const sums = new Float32Array(table.rows).fill(ensemble.base);
  for (const root of ensemble.roots) {
    for (let row = 0; row < table.rows; row += 1) {
      let node = root;
      while (feature[node] >= 0) {
        const value = columns[feature[node]][row];
        const goesLeft = value <= threshold[node] || (value !== value && missingLeft[node] === 1);
        node = goesLeft ? left[node] : right[node];
      }
      sums[row] += ensemble.value[node];
    }
  }
  return sums;
}

/** The share of class 1 for every row: what any model has to beat. */
export function baseRate(labels: Uint8Array): number {
  let ones = 0;
  for (const label of labels) ones += label;
  return labels.length === 0 ? NaN : ones / labels.length;
}

function columnsFor(ensemble: Ensemble, table: Table): Float32Array[] {
  const places = ensemble.features.map((name) => table.names.indexOf(name));
  refuse(ensemble.features.filter((_, at) => places[at] < 0).map((name) => `The model needs a column "${name}"; the table has ${table.names.map((n) => `"${n}"`).join(', ')}.`));
  return places.map((place) => Float32Array.from(table.columns[place]));
}
