import { rowsOf, type Table } from '@rhei/tabular';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { FitRefused } from './task';

const options: InferenceSession.SessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: 3 };

/** Scores rows with a model file, `batch` rows at a time. */
export type Scorer = (table: Table, batch?: number) => Promise<Float64Array>;

export async function openScorer(model: Uint8Array | string): Promise<Scorer> {
  const session = typeof model === 'string' ? await InferenceSession.create(model, options) : await InferenceSession.create(model, options);
  return async (table, batch = 4_096) => {
    const scores = new Float64Array(table.rows);
    const width = table.columns.length;
    for (let start = 0; start < table.rows; start += batch) {
      const rows = Math.min(batch, table.rows - start);
      const flat = new Float32Array(rows * width);
      for (let row = 0; row < rows; row++) for (let column = 0; column < width; column++) flat[row * width + column] = table.columns[column][start + row];
      const { probability } = await session.run({ features: new Tensor('float32', flat, [rows, width]) });
      scores.set(probability.data as Float32Array, start);
    }
    return scores;
  };
}

const sampled = 448;
const tolerance = 1e-5;

/**
 * Holds the exported file to the engine on a sample: the same scores in batches of 1, 7 and 64, to the bit, and the
 * engine's within 1e-5. Errors: {@link FitRefused} naming the row.
 */
export async function compareWithEngine(scorer: Scorer, table: Table, engine: ArrayLike<number>): Promise<void> {
  const step = Math.max(1, Math.floor(table.rows / sampled));
  const rows = Uint32Array.from({ length: Math.min(sampled, table.rows) }, (_, index) => index * step);
  const sample = rowsOf(table, rows);
  const [alone, sevens, many] = [await scorer(sample, 1), await scorer(sample, 7), await scorer(sample, 64)];
  rows.forEach((row, index) => {
    if (alone[index] !== sevens[index] || alone[index] !== many[index]) {
      throw new FitRefused(`The exported model scores row ${row} as ${alone[index]}, ${sevens[index]} and ${many[index]} in batches of 1, 7 and 64; expected the same bits.`);
    }
    if (!(Math.abs(alone[index] - engine[row]) <= tolerance * Math.max(engine[row], 1e-3))) {
      throw new FitRefused(`The exported model scores row ${row} as ${alone[index]}, the engine as ${engine[row]}; expected a difference of at most ${tolerance}, relatively.`);
    }
  });
}
