import { fitBoosting } from './boosting';
import { predict } from './ensemble';
import { hash32 } from './hash';
import { permutationImportance } from './importance';
import { METRICS } from './metrics';
import { tableOf } from './table';

describe('permutation importance', () => {
  const columns = [0, 1].map((at) => Float64Array.from({ length: 300 }, (_, row) => hash32(row, at) / 2 ** 32));
  const table = tableOf(['signal', 'noise'], columns);
  const labels = Uint8Array.from(columns[0], (value) => (value > 0.5 ? 1 : 0));
  const model = fitBoosting(table, labels, { trees: 10 });
  const importance = (seed: number, metric = METRICS.logLoss as (typeof METRICS)[keyof typeof METRICS]) =>
    permutationImportance((given) => predict(model, given), table, labels, metric, { repeats: 3, seed });

  it('is high for what the model uses and nothing for what it does not', () => {
    for (const metric of Object.values(METRICS)) {
      const [signal, noise] = importance(1, metric);
      expect(signal.mean).toBeGreaterThan(0.1);
      expect(Math.abs(noise.mean)).toBeLessThan(0.01);
      expect(signal.feature).toBe('signal');
    }
  });

  it('repeats with its seed and varies without', () => {
    expect(importance(1)).toEqual(importance(1));
    expect(importance(1)[0].mean).not.toBe(importance(2)[0].mean);
  });
});
