import { fitBoosting } from './boosting';
import { bestRound } from './early-stopping';
import { predict } from './ensemble';
import { FitCancelled, TabularError } from './errors';
import { hash32 } from './hash';
import { logLoss } from './metrics';
import { labelsOf, rowsOf, tableOf, type Labels, type Table } from './table';

const draw = (row: number, what: number) => hash32(11, row, what) / 2 ** 32;
const params = { trees: 120, learningRate: 0.3, maxLeaves: 8, minRowsPerLeaf: 5, rowShare: 0.8, seed: 3 };

/** A weak signal and much noise: boosting soon learns the noise. */
function aProblem(rows = 900): { table: Table; labels: Labels } {
  const columns = [0, 1, 2].map((at) => Float64Array.from({ length: rows }, (_, row) => (draw(row, 20 + at) < 0.1 ? NaN : draw(row, at) * 4 - 2)));
  return { table: tableOf(['a', 'b', 'c'], columns), labels: Uint8Array.from({ length: rows }, (_, row) => Number(draw(row, 5) < 1 / (1 + Math.exp(-(Number.isNaN(columns[0][row]) ? 0 : columns[0][row]))))) };
}

describe('early stopping', () => {
  const { table, labels } = aProblem();
  const part = (from: number, to: number) => {
    const rows = Uint32Array.from({ length: to - from }, (_, at) => from + at);
    return { table: rowsOf(table, rows), labels: labelsOf(labels, rows) };
  };
  const [fit, fold] = [part(0, 600), part(600, 900)];

  it('scores each round as a model of so many trees would be scored', () => {
    const { losses } = bestRound(fit, fold, params, 10);
    for (const trees of [1, 2, losses.length]) {
      const model = fitBoosting(fit.table, fit.labels, { ...params, trees });
      expect(losses[trees - 1]).toBeCloseTo(logLoss(fold.labels, predict(model, fold.table)), 8);
    }
  });

  it('takes the round with the lowest loss and stops so many rounds after it', () => {
    const { round, of, losses } = bestRound(fit, fold, params, 10);
    expect(of).toBe(120);
    expect(round).toBe(losses.indexOf(Math.min(...losses)) + 1);
    expect(losses).toHaveLength(round + 10);
    expect(round).toBeLessThan(60);
  });

  it('grows no more trees than the parameters allow', () => {
    expect(bestRound(fit, fold, { ...params, trees: 5 }, 1_000).losses).toHaveLength(5);
  });

  it('chooses the same when repeated, and whatever the order of the fold', () => {
    const once = bestRound(fit, fold, params, 10);
    expect(bestRound(fit, fold, params, 10)).toEqual(once);
    const order = [...fold.labels.keys()].sort((a, b) => hash32(1, a) - hash32(1, b));
    expect(bestRound(fit, { table: rowsOf(fold.table, order), labels: labelsOf(fold.labels, order) }, params, 10)).toEqual(once);
  });

  it('keeps one tree where none helps, and where there is one class to fit', () => {
    expect(bestRound(fit, { table: fold.table, labels: fold.labels.map((label) => 1 - label) }, params, 3).round).toBe(1);
    expect(bestRound({ ...fit, labels: new Uint8Array(600) }, fold, params, 3)).toEqual({ round: 1, of: 120, losses: [] });
  });

  it('sends infinities where a served model sends them', () => {
    const wild = { table: tableOf(['a', 'b', 'c'], [fold.table.columns[0].map((value, row) => (row % 3 === 0 ? Infinity : value)), ...fold.table.columns.slice(1)]), labels: fold.labels };
    const model = fitBoosting(fit.table, fit.labels, { ...params, trees: 4 });
    expect(bestRound(fit, wild, { ...params, trees: 4 }, 10).losses[3]).toBeCloseTo(logLoss(wild.labels, predict(model, wild.table)), 8);
  });

  it('stops when asked, and names every fault of its input', () => {
    let asked = 0;
    expect(() => bestRound(fit, fold, params, 50, { cancelled: () => (asked += 1) > 3 })).toThrow(new FitCancelled(3));
    expect(() => bestRound(fit, { table: tableOf(['a'], [Float64Array.of()]), labels: Uint8Array.of() }, params, 0)).toThrow(new TabularError([
      'The fold has no rows; early stopping needs at least one.', 'The fold lacks the columns b, c in their places; it has the columns of the fit, in the same order.',
      'The rounds without a lower loss must be an integer from 1; they are 0.',
    ]));
  });
});
