import { hash32 } from './hash';
import type { Metric } from './metrics';
import type { Labels, Table } from './table';

/** How much worse a metric gets when one column's values are dealt out anew: its own effect, and that of nothing else. */
export interface Importance {
  readonly feature: string;
  /** Mean over the repeats, positive when the model needs the column. */
  readonly mean: number;
  /** Standard deviation over the repeats (n - 1); 0 with one repeat. */
  readonly deviation: number;
}

/**
 * Permutation importance (Breiman 2001) of each column, in the order of the table. The same seed gives the same numbers.
 * `predict` is called once, and once more per column and repeat.
 */
export function permutationImportance(
  predict: (table: Table) => ArrayLike<number>,
  table: Table,
  labels: Labels,
  metric: Metric,
  { repeats = 5, seed = 0 }: { readonly repeats?: number; readonly seed?: number } = {},
): Importance[] {
  const sign = metric.better === 'higher' ? 1 : -1;
  const whole = metric.of(labels, predict(table));
  return table.columns.map((column, at) => {
    const losses = Array.from({ length: repeats }, (_, repeat) => {
      const columns = table.columns.with(at, shuffled(column, (row) => hash32(seed, at, repeat, row)));
      return sign * (whole - metric.of(labels, predict({ ...table, columns })));
    });
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / repeats;
    const squares = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0);
    return { feature: table.names[at], mean, deviation: Math.sqrt(squares / Math.max(1, repeats - 1)) };
  });
}

/** Fisher-Yates; `draw(i)` gives the 32 random bits of step i. */
function shuffled(column: Float64Array, draw: (step: number) => number): Float64Array {
  const dealt = column.slice();
  for (let i = dealt.length - 1; i > 0; i -= 1) {
    const j = draw(i) % (i + 1);
    [dealt[i], dealt[j]] = [dealt[j], dealt[i]];
  }
  return dealt;
}
