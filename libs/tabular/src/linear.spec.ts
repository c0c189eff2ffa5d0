import { TabularError } from './errors';
import { hash32 } from './hash';
import { fitLogistic, predictLinear } from './linear';
import { rowsOf, tableOf, type Labels, type Table } from './table';

const draw = (row: number, what: number) => hash32(7, row, what) / 2 ** 32;

/** Log-odds that are linear in two of three columns; one of them is missing in a fifth of the rows. */
function aProblem(rows = 4_000): { table: Table; labels: Labels } {
  const [a, b, noise] = [0, 1, 2].map((at) => Float64Array.from({ length: rows }, (_, row) => (at === 1 && draw(row, 9) < 0.2 ? NaN : draw(row, at) * 10 - 5)));
  const labels = Uint8Array.from({ length: rows }, (_, row) => Number(draw(row, 5) < 1 / (1 + Math.exp(-(0.3 + 0.5 * a[row] + (Number.isNaN(b[row]) ? 1 : -0.4 * b[row]))))));
  return { table: tableOf(['a', 'b', 'noise'], [a, b, noise]), labels };
}

describe('a logistic regression', () => {
  const { table, labels } = aProblem();

  it('finds the odds that made the labels', () => {
    const { weight, scale, mean, missing, bias } = fitLogistic(table, labels);
    const slope = (at: number): number => weight[at] / scale[at];
    expect([slope(0), slope(1), slope(2)].map((value) => Math.round(value * 10) / 10)).toEqual([0.5, -0.4, 0]);
    const atZero = bias - mean.reduce((sum, value, at) => sum + (scale[at] > 0 ? (weight[at] * value) / scale[at] : 0), 0);
    expect(Math.abs(atZero - 0.3)).toBeLessThan(0.15);
    // The step from "as if it were the mean" to what a missing value means.
    expect(Math.abs(missing[1] - (1 + 0.4 * mean[1] - 0.3 + 0.3))).toBeLessThan(0.4);
    expect([missing[0], missing[2]]).toEqual([0, 0]);
  });

  // The loss is strictly convex: where its gradient is zero is the one solution, whoever computes it.
  it.each([1, 50])('is where the gradient of the penalised loss is zero, at a penalty of %d', (l2) => {
    const model = fitLogistic(table, labels, { l2 });
    const off = predictLinear(model, table).map((p, row) => p - labels[row]);
    const along = (value: (row: number) => number): number => off.reduce((sum, one, row) => sum + one * value(row), 0);
    expect(Math.abs(along(() => 1))).toBeLessThan(1e-5);
    table.columns.forEach((column, at) => {
      const standard = (row: number): number => (Number.isNaN(column[row]) ? 0 : (Math.fround(column[row]) - model.mean[at]) / model.scale[at]);
      expect(Math.abs(along(standard) + l2 * model.weight[at])).toBeLessThan(1e-5);
      expect(Math.abs(along((row) => Number(Number.isNaN(column[row]))) + l2 * model.missing[at])).toBeLessThan(1e-5);
    });
  });

  it('has the same bytes when repeated, and others when one row is another', () => {
    const once = JSON.stringify(fitLogistic(table, labels));
    expect(JSON.stringify(fitLogistic(table, labels))).toBe(once);
    expect(JSON.stringify(fitLogistic(table, labels.with(3, 1 - labels[3])))).not.toBe(once);
  });

  it('takes columns that do not vary, have no value, are the same twice, or hold infinities', () => {
    const odd = tableOf(['a', 'same', 'constant', 'empty', 'wild'], [
      table.columns[0], table.columns[0], new Float64Array(4_000).fill(1e30), new Float64Array(4_000).fill(NaN), table.columns[0].map((value, row) => [Infinity, -Infinity, 1e308, value][row % 4]),
    ]);
    const model = fitLogistic(odd, labels);
    expect([model.weight[2], model.weight[3], model.missing[3]]).toEqual([0, 0, 0]);
    expect(model.weight[0]).toBeCloseTo(model.weight[1], 6);
    expect(predictLinear(model, odd).every((p) => p > 0 && p < 1)).toBe(true);
  });

  it('stays finite where one column tells the label, and where there is one class', () => {
    const told = tableOf(['x'], [Float64Array.from(labels)]);
    expect(predictLinear(fitLogistic(told, labels), told).every((p, row) => (labels[row] === 1 ? p > 0.99 : p < 0.01))).toBe(true);
    expect(predictLinear(fitLogistic(table, new Uint8Array(4_000)), table).every((p) => p >= 0 && p < 0.01)).toBe(true);
    expect(predictLinear(fitLogistic(rowsOf(table, [0]), Uint8Array.of(1)), rowsOf(table, [0]))[0]).toBeGreaterThan(0.9);
  });

  it('names what is wrong with its input', () => {
    expect(() => fitLogistic(table, Uint8Array.of(2), { l2: 0 })).toThrow(new TabularError(['There are 1 labels for 4000 rows; give one label per row.', 'The penalty l2 must be a number above 0; it is 0.']));
    expect(() => predictLinear(fitLogistic(table, labels), tableOf(['a', 'b'], table.columns.slice(0, 2)))).toThrow('The model needs a column "noise"');
  });
});
