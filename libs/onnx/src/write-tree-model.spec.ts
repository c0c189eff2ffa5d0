import { createHash } from 'node:crypto';
import { fitBoosting, predict, tableOf, type Ensemble, type Table } from '@rhei/tabular';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readModel } from './read-model';
import { vetModel } from './vet-model';
import { writeTreeModel } from './write-tree-model';

/** A seeded stream of numbers in [0, 1). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function aModel(rows = 600): { table: Table; model: Ensemble } {
  const next = numbers(4);
  const columns = [0, 1, 2, 3, 4].map((at) => Float64Array.from({ length: rows }, () => (next() < 0.1 * at ? NaN : next() * 8 - 4)));
  const labels = Uint8Array.from({ length: rows }, (_, row) => {
    const margin = 2 * (columns[0][row] || 0) + (Number.isNaN(columns[3][row]) ? 1 : (columns[3][row] * (columns[1][row] || 0)) / 4) - 2;
    return next() < 1 / (1 + Math.exp(-margin)) ? 1 : 0;
  });
  const table = tableOf(['a', 'b', 'c', 'd', 'e'], columns);
  return { table, model: fitBoosting(table, labels, { trees: 60, maxLeaves: 12, minRowsPerLeaf: 5 }) };
}

async function run(bytes: Uint8Array, table: Table, batch: number): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const width = table.columns.length;
  const out = new Float32Array(table.rows);
  for (let begin = 0; begin < table.rows; begin += batch) {
    const rows = Math.min(batch, table.rows - begin);
    const cells = Float32Array.from({ length: rows * width }, (_, at) => table.columns[at % width][begin + Math.floor(at / width)]);
    const result = await session.run({ features: new Tensor('float32', cells, [rows, width]) });
    out.set(result.probability.data as Float32Array, begin);
  }
  await session.release();
  return out;
}

function furthest(given: Float32Array, expected: Float64Array): { absolute: number; relative: number } {
  const off = [...given].map((p, row) => Math.abs(p - expected[row]));
  return { absolute: Math.max(...off), relative: Math.max(...off.map((d, row) => d / expected[row])) };
}

describe('a written model', () => {
  const { table, model } = aModel();
  const bytes = writeTreeModel({ ensemble: model });

  it('predicts in ONNX Runtime what the engine predicts, the same bits in every batch size', async () => {
    const single = await run(bytes, table, 1);
    const { absolute, relative } = furthest(single, predict(model, table));
    expect(absolute).toBeLessThan(1e-6);
    expect(relative).toBeLessThan(1e-6);
    for (const batch of [7, 64, table.rows]) expect(await run(bytes, table, batch)).toEqual(single);
  });

  it('keeps the relative precision of small probabilities', async () => {
    for (const base of [-40, -9, 9, 40].map(Math.fround)) {
      const constant = { ...model, base, roots: [], feature: [], threshold: [], missingLeft: [], left: [], right: [], value: [], cover: [] };
      const [p] = await run(writeTreeModel({ ensemble: constant }), tableOf(model.features, model.features.map(() => Float64Array.of(1))), 1);
      expect(Math.abs(p * (1 + Math.exp(-base)) - 1)).toBeLessThan(1e-6);
    }
  });

  it('decides as the engine does at, just below and just above each threshold, for NaN and for infinities', async () => {
    const thresholds = [...new Set(model.threshold.filter((_, node) => model.feature[node] >= 0))];
    const step = (value: number, by: number) => {
      const view = new DataView(new ArrayBuffer(4));
      view.setFloat32(0, value);
      view.setInt32(0, view.getInt32(0) + by);
      return view.getFloat32(0);
    };
    const edges = [...thresholds.flatMap((t) => [t, step(t, 1), step(t, -1), t * (1 + 1e-12)]), NaN, Infinity, -Infinity, 0, -0, 1e300, 5e-324];
    const probes = tableOf(model.features, model.features.map(() => Float64Array.from(edges)));
    expect(furthest(await run(bytes, probes, 64), predict(model, probes)).relative).toBeLessThan(1e-6);
  });

  it('has the same bytes each time, and the ones that it had when this was written', () => {
    const small = { features: ['x'], base: 0.5, roots: [0], feature: [0, -1, -1], threshold: [1.5, 0, 0], missingLeft: [1, 0, 0], left: [1, -1, -1], right: [2, -1, -1], value: [0, -1, 1] };
    const write = (metadata: Record<string, string>) => writeTreeModel({ ensemble: small, metadata });
    const first = write({ schema: 's', data: 'd' });
    expect(write({ data: 'd', schema: 's' })).toEqual(first);
    expect(createHash('sha256').update(first).digest('hex')).toBe('76ba808fa2c0b1b61c88c055929590c450a054622b2943ea8514ef3eb6c69b12');
  });

  it('is what the reader says and the vetter accepts', () => {
    const named = writeTreeModel({ ensemble: model, input: 'in', output: 'out', metadata: { run: '7' } });
    const info = vetModel(named);
    expect(readModel(named)).toEqual(info);
    expect(info).toEqual({
      bytes: named.length,
      irVersion: 8,
      producer: 'rhei',
      opsets: { 'ai.onnx': 17, 'ai.onnx.ml': 3 },
      inputs: [{ name: 'in', dtype: 'float32', shape: [-1, 5] }],
      outputs: [{ name: 'out', dtype: 'float32', shape: [-1, 1] }],
      operators: { 'ai.onnx.Add': 1, 'ai.onnx.Exp': 1, 'ai.onnx.Neg': 1, 'ai.onnx.Reciprocal': 1, 'ai.onnx.ml.TreeEnsembleRegressor': 1 },
      nodes: 5,
      features: ['a', 'b', 'c', 'd', 'e'],
      metadata: { features: '["a","b","c","d","e"]', run: '7' },
    });
  });

  it('needs a feature and its own metadata key', () => {
    expect(() => writeTreeModel({ ensemble: { ...model, features: [] } })).toThrow('expected at least one feature');
    expect(() => writeTreeModel({ ensemble: model, metadata: { features: 'x' } })).toThrow('Metadata key "features"');
  });
});
