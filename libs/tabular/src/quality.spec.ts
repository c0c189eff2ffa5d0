import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fitBoosting } from './boosting';
import { predict } from './ensemble';
import { logLoss } from './metrics';
import type { BoostingParams } from './params';
import { labelsOf, rowsOf, tableOf } from './table';

interface Quality {
  folds: number;
  params: Partial<BoostingParams>;
  tables: { name: string; names: string[]; columns: (number | null)[][]; labels: number[]; logLosses: number[] }[];
}

const { folds, params, tables } = JSON.parse(readFileSync(join(__dirname, '../fixtures/quality.json'), 'utf8')) as Quality;

describe('quality of boosting', () => {
  it.each(tables.map((one) => [one.name, one] as const))('is that of scikit-learn: %s', (name, { names, columns, labels, logLosses }) => {
    const table = tableOf(names, columns.map((column) => Float64Array.from(column, (value) => value ?? NaN)));
    const truth = Uint8Array.from(labels);
    let ratio = 0;
    for (let fold = 0; fold < folds; fold += 1) {
      const rows = [...labels.keys()];
      const train = rows.filter((row) => row % folds !== fold);
      const test = rows.filter((row) => row % folds === fold);
      const model = fitBoosting(rowsOf(table, train), labelsOf(truth, train), params);
      const loss = logLoss(labelsOf(truth, test), predict(model, rowsOf(table, test)));
      ratio += Math.log(loss / logLosses[fold]) / folds;
    }
    // Geometric mean over the folds: one fold of either table differs by some percent either way.
    expect(Math.exp(ratio)).toBeLessThanOrEqual(1.02);
  });
});
