import { refuse } from './errors';
import { softplus } from './logarithm';
import { sigmoid } from './sigmoid';
import { faultsOf, labelFaults, type Labels, type Table } from './table';

export interface LogisticParams {
  /** Penalty on squared weights of standardised inputs; the loss is a sum over rows. */
  readonly l2: number;
  /** Newton steps at most. */
  readonly steps: number;
}

/**
 * A logistic regression as plain data. The log-odds of a row are `bias` plus, for each input, `weight` times its
 * standardised value; a missing value counts as the mean and adds `missing`.
 */
export interface LinearModel {
  readonly features: readonly string[];
  readonly bias: number;
  readonly mean: readonly number[];
  /** Standard deviation of the present values; 0 for an input that does not vary, whose weight is 0. */
  readonly scale: readonly number[];
  readonly weight: readonly number[];
  readonly missing: readonly number[];
  /** Newton steps that were taken. */
  readonly steps: number;
}

const TOLERANCE = 1e-8;
// A step is halved until the loss falls; beyond this many halvings it is rounding.
const HALVINGS = 20;

/**
 * Fits a logistic regression with an L2 penalty by Newton's method (Hastie, Tibshirani and Friedman 2009, §4.4.1) on
 * standardised inputs, with an indicator for each input that is missing in some rows. What is not finite counts as
 * missing. The same rows in the same order give the same model, bit by bit. Time grows with rows × inputs².
 * Throws {@link TabularError} with all faults of the input.
 */
export function fitLogistic(table: Table, labels: Labels, { l2 = 1, steps = 50 }: Partial<LogisticParams> = {}): LinearModel {
  refuse([
    ...faultsOf(table), ...labelFaults(labels, table.rows), ...(table.rows === 0 ? ['The table has no rows; a fit needs at least one.'] : []),
    ...(l2 > 0 && Number.isFinite(l2) ? [] : [`The penalty l2 must be a number above 0; it is ${l2}.`]),
  ]);
  const inputs = table.columns.map(standardised);
  const columns = inputs.flatMap(({ values, gaps }) => [...(values === undefined ? [] : [values]), ...(gaps === undefined ? [] : [gaps])]);
  const { weights, taken } = newton(columns, labels, l2, steps);
  let at = 0;
  const next = (present: boolean): number => (present ? weights[at++] : 0);
  const pairs = inputs.map(({ values, gaps }) => [next(values !== undefined), next(gaps !== undefined)]);
  return {
    features: [...table.names], bias: weights[at], mean: inputs.map(({ mean }) => mean), scale: inputs.map(({ scale }) => scale),
    weight: pairs.map(([weight]) => weight), missing: pairs.map(([, missing]) => missing), steps: taken,
  };
}

/** Probability of class 1 for each row. Columns are found by name; throws a {@link TabularError} naming absent ones. */
export function predictLinear(model: LinearModel, table: Table): Float64Array {
  const places = model.features.map((name) => table.names.indexOf(name));
  refuse(model.features.filter((_, at) => places[at] < 0).map((name) => `The model needs a column "${name}"; the table has ${table.names.map((n) => `"${n}"`).join(', ')}.`));
  const margins = new Float64Array(table.rows).fill(model.bias);
  places.forEach((place, at) => {
    const column = table.columns[place];
    for (let row = 0; row < table.rows; row += 1) {
      const value = Math.fround(column[row]);
      if (!Number.isFinite(value)) margins[row] += model.missing[at];
      else if (model.scale[at] > 0) margins[row] += model.weight[at] * ((value - model.mean[at]) / model.scale[at]);
    }
  });
  return margins.map(sigmoid);
}

interface Standardised {
  mean: number;
  scale: number;
  /** Absent where the present values do not vary. */
  values?: Float64Array;
  /** 1 where the value is missing; absent where none is, or all are. */
  gaps?: Float64Array;
}

function standardised(column: Float64Array): Standardised {
  const seen = Float32Array.from(column);
  let [count, sum] = [0, 0];
  for (const value of seen) {
    if (!Number.isFinite(value)) continue;
    count += 1;
    sum += value;
  }
  const mean = count === 0 ? 0 : sum / count;
  let squares = 0;
  for (const value of seen) if (Number.isFinite(value)) squares += (value - mean) ** 2;
  const scale = count === 0 ? 0 : Math.sqrt(squares / count);
  // A deviation that is rounding of the mean is none.
  const varies = scale > Math.abs(mean) * 1e-12;
  return {
    mean, scale: varies ? scale : 0,
    ...(varies && { values: Float64Array.from(seen, (value) => (Number.isFinite(value) ? (value - mean) / scale : 0)) }),
    ...(count > 0 && count < seen.length && { gaps: Float64Array.from(seen, (value) => (Number.isFinite(value) ? 0 : 1)) }),
  };
}

/** Weights of the columns, then the bias, which is not penalised. */
function newton(columns: readonly Float64Array[], labels: Labels, l2: number, most: number): { weights: Float64Array; taken: number } {
  const width = columns.length + 1;
  let weights: Float64Array = new Float64Array(width);
  let loss = lossOf(columns, labels, weights, l2);
  for (let taken = 0; taken < most; taken += 1) {
    const { gradient, hessian } = slopes(columns, labels, weights, l2);
    const step = solve(hessian, gradient);
    let share = 1;
    let found: Float64Array | undefined;
    for (let halving = 0; halving < HALVINGS && found === undefined; halving += 1, share /= 2) {
      const moved = weights.map((weight, at) => weight - share * step[at]);
      const now = lossOf(columns, labels, moved, l2);
      if (now <= loss) [found, loss] = [moved, now];
    }
    if (found === undefined) return { weights, taken };
    weights = found;
    if (step.every((move) => Math.abs(move) < TOLERANCE)) return { weights, taken: taken + 1 };
  }
  return { weights, taken: most };
}

function marginsOf(columns: readonly Float64Array[], rows: number, weights: Float64Array): Float64Array {
  const margins = new Float64Array(rows).fill(weights[columns.length]);
  columns.forEach((column, at) => {
    const weight = weights[at];
    for (let row = 0; row < rows; row += 1) margins[row] += weight * column[row];
  });
  return margins;
}

function lossOf(columns: readonly Float64Array[], labels: Labels, weights: Float64Array, l2: number): number {
  const margins = marginsOf(columns, labels.length, weights);
  let loss = 0;
  for (let row = 0; row < labels.length; row += 1) loss += softplus(labels[row] === 1 ? -margins[row] : margins[row]);
  for (let at = 0; at < columns.length; at += 1) loss += 0.5 * l2 * weights[at] * weights[at];
  return loss;
}

/** Gradient and Hessian of the loss; the Hessian row by row, its lower half only. */
function slopes(columns: readonly Float64Array[], labels: Labels, weights: Float64Array, l2: number): { gradient: Float64Array; hessian: Float64Array } {
  const width = columns.length + 1;
  const margins = marginsOf(columns, labels.length, weights);
  const off = new Float64Array(labels.length);
  const curve = new Float64Array(labels.length);
  for (let row = 0; row < labels.length; row += 1) {
    const p = sigmoid(margins[row]);
    off[row] = p - labels[row];
    curve[row] = p * (1 - p);
  }
  const gradient = new Float64Array(width);
  const hessian = new Float64Array(width * width);
  const curved = new Float64Array(labels.length);
  for (let i = 0; i < width; i += 1) {
    const column = columns[i];
    for (let row = 0; row < labels.length; row += 1) curved[row] = column === undefined ? curve[row] : curve[row] * column[row];
    gradient[i] = (column === undefined ? sumOf(off) : dot(off, column)) + (column === undefined ? 0 : l2 * weights[i]);
    for (let j = 0; j < i; j += 1) hessian[i * width + j] = dot(curved, columns[j]);
    // The bias has no penalty; a trace of one keeps the system solvable where every row is certain.
    hessian[i * width + i] = column === undefined ? sumOf(curved) + 1e-12 : dot(curved, column) + l2;
  }
  return { gradient, hessian };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let row = 0; row < a.length; row += 1) sum += a[row] * b[row];
  return sum;
}
const sumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

/** Solves H x = g by Cholesky's decomposition of the lower half of H, which it overwrites. */
function solve(hessian: Float64Array, gradient: Float64Array): Float64Array {
  const n = gradient.length;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = hessian[i * n + j];
      for (let k = 0; k < j; k += 1) sum -= hessian[i * n + k] * hessian[j * n + k];
      // Rounding of a column that others make up: it then moves by next to nothing.
      hessian[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / hessian[j * n + j];
    }
  }
  const x = Float64Array.from(gradient);
  for (let i = 0; i < n; i += 1) {
    for (let k = 0; k < i; k += 1) x[i] -= hessian[i * n + k] * x[k];
    x[i] /= hessian[i * n + i];
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    for (let k = i + 1; k < n; k += 1) x[i] -= hessian[k * n + i] * x[k];
    x[i] /= hessian[i * n + i];
  }
  return x;
}
