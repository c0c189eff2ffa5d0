import { vetModel } from '@rhei/onnx';
import { rowsOf, type Table } from '@rhei/tabular';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { FitRefused } from './task';

// With one thread a row's score does not depend on the rows that came with it.
const options: InferenceSession.SessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: 3 };

export interface Scorer {
  /** What the model reads, in order; undefined where its file does not say. */
  features?: readonly string[];
  /** Scores rows, `batch` of them at a time; columns are found by name where the file says which. */
  score(table: Table, batch?: number): Promise<Float64Array>;
}

/** Opens a model file. Errors: `ModelRefused` with every reason why the file must not be loaded. */
export async function openScorer(file: Uint8Array): Promise<Scorer> {
  const { features } = vetModel(file);
  const session = await InferenceSession.create(file, options);
  return {
    features,
    async score(table, batch = 4_096) {
      const columns = features?.map((name) => table.columns[table.names.indexOf(name)]) ?? table.columns;
      const scores = new Float64Array(table.rows);
      for (let start = 0; start < table.rows; start += batch) {
        const rows = Math.min(batch, table.rows - start);
        const flat = new Float32Array(rows * columns.length);
        columns.forEach((column, at) => {
          for (let row = 0; row < rows; row += 1) flat[row * columns.length + at] = column[start + row];
        });
        const { probability } = await session.run({ features: new Tensor('float32', flat, [rows, columns.length]) });
        scores.set(probability.data as Float32Array, start);
      }
      return scores;
    },
  };
}

const sampled = 448;

/** Rows spread evenly over the table, then the first one again without each of its values in turn, and without any. */
export function sampleOf(table: Table): Table {
  const rows = Math.min(sampled, table.rows);
  const spread = Uint32Array.from({ length: rows }, (_, index) => Math.floor((index * table.rows) / rows));
  const width = table.columns.length;
  const sample = rowsOf(table, [...spread, ...new Array<number>(width + 1).fill(0)]);
  sample.columns.forEach((column, at) => {
    column[rows + at] = NaN;
    column[rows + width] = NaN;
  });
  return sample;
}

const tolerance = 1e-5;

/**
 * Holds an exported model to its engine: the same scores in batches of 1, 7 and 64, to the bit, and the engine's within
 * 1e-5. Errors: {@link FitRefused} naming the row.
 */
export async function compareWithEngine({ score }: Scorer, sample: Table, engine: ArrayLike<number>): Promise<void> {
  const [alone, sevens, many] = [await score(sample, 1), await score(sample, 7), await score(sample, 64)];
  alone.forEach((one, row) => {
    if (!Object.is(one, sevens[row]) || !Object.is(one, many[row])) {
      throw new FitRefused(`The exported model scores row ${row} of the sample as ${one}, ${sevens[row]} and ${many[row]} in batches of 1, 7 and 64; expected the same bits.`);
    }
    if (!(Math.abs(one - engine[row]) <= tolerance)) {
      throw new FitRefused(`The exported model scores row ${row} of the sample as ${one}, the engine as ${engine[row]}; expected a difference of at most ${tolerance}.`);
    }
  });
}
