import { baseOf, growTrees, thresholdOf, type FitOptions } from './boosting';
import { refuse } from './errors';
import type { GrownNode } from './grow';
import { GRID } from './histogram';
import { softplus } from './logarithm';
import { boostingParams, type BoostingParams } from './params';
import type { BinnedTable } from './bins';
import { faultsOf, labelFaults, type Labels, type Table } from './table';

export interface Rows {
  readonly table: Table;
  readonly labels: Labels;
}

/** How many trees were best for rows that did not fit them. */
export interface BestRound {
  /** Trees of the best round, from 1; of equal rounds the first. */
  readonly round: number;
  /** Trees that might have been grown. */
  readonly of: number;
  /** Mean log loss on the fold after each round that was tried. */
  readonly losses: readonly number[];
}

/**
 * Grows trees on `fit` and scores `fold` after each, until `rounds` of them in a row brought no lower log loss (Prechelt
 * 1998) or `trees` are grown. Losses are summed as integers on a fixed grid, so the same rows, in any order, choose the
 * same round. Throws {@link TabularError} with all faults of the input, {@link FitCancelled}.
 */
export function bestRound(fit: Rows, fold: Rows, given: Partial<BoostingParams>, rounds: number, options: FitOptions = {}): BestRound {
  const params = boostingParams(given);
  const absent = fit.table.names.filter((name, at) => fold.table.names[at] !== name);
  refuse([
    ...faultsOf(fit.table), ...labelFaults(fit.labels, fit.table.rows), ...faultsOf(fold.table), ...labelFaults(fold.labels, fold.table.rows),
    ...(fit.table.rows === 0 ? ['The table has no rows; a fit needs at least one.'] : []),
    ...(fold.table.rows === 0 ? ['The fold has no rows; early stopping needs at least one.'] : []),
    ...(absent.length > 0 ? [`The fold lacks the columns ${absent.join(', ')} in their places; it has the columns of the fit, in the same order.`] : []),
    ...(Number.isInteger(rounds) && rounds >= 1 ? [] : [`The rounds without a lower loss must be an integer from 1; they are ${rounds}.`]),
  ]);
  const columns = fold.table.columns.map((column) => Float32Array.from(column));
  const margins = new Float32Array(fold.table.rows).fill(baseOf(fit.labels));
  const losses: number[] = [];
  let best = Infinity;
  let round = 1;
  growTrees(fit.table, fit.labels, params, options, (root, binned) => {
    addTree(margins, root, binned, columns);
    const loss = lossOf(margins, fold.labels);
    losses.push(loss / GRID / fold.table.rows);
    if (loss < best) [best, round] = [loss, losses.length];
    return losses.length - round < rounds;
  });
  return { round, of: params.trees, losses };
}

/** Adds a tree's leaves by its thresholds, as a served model would. */
function addTree(margins: Float32Array, root: GrownNode, binned: BinnedTable, columns: readonly Float32Array[]): void {
  const everyRow = Uint32Array.from({ length: margins.length }, (_, row) => row);
  const pending: [GrownNode, Uint32Array][] = [[root, everyRow]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [{ split, left, right, value }, rows] = next;
    if (split === undefined || left === undefined || right === undefined) {
      for (const row of rows) margins[row] += value;
      continue;
    }
    const column = columns[split.column];
    const threshold = thresholdOf(binned, split);
    const goesLeft = (row: number): boolean => (column[row] <= threshold) || (Number.isNaN(column[row]) && split.missingLeft);
    pending.push([left, rows.filter(goesLeft)], [right, rows.filter((row) => !goesLeft(row))]);
  }
}

function lossOf(margins: Float32Array, labels: Labels): number {
  let sum = 0;
  for (let row = 0; row < labels.length; row += 1) sum += Math.floor(softplus(labels[row] === 1 ? -margins[row] : margins[row]) * GRID + 0.5);
  return sum;
}
