import { binEdges, binOf, binTable, LARGEST_FLOAT32 } from './bins';
import { tableOf } from './table';

const sorted = (...values: number[]) => Float32Array.from(values).sort();

describe('bins', () => {
  it('give each distinct value its own bin when there are few, with the edge in the middle', () => {
    expect([...binEdges(sorted(1, 1, 2, 5), 255)]).toEqual([1.5, 3.5]);
  });

  it('hold about equally many rows when there are many values', () => {
    const edges = binEdges(Float32Array.from({ length: 10_000 }, (_, i) => i), 100);
    expect(edges).toHaveLength(99);
    expect(Math.max(...edges.map((edge, at) => edge - (edges[at - 1] ?? -0.5)))).toBeLessThanOrEqual(101);
  });

  it('still part the other values when one value holds most rows', () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => (i < 900 ? 0 : i));
    expect(binEdges(values, 20)).toHaveLength(19);
  });

  it('never exceed the number asked for', () => {
    for (const maxBins of [2, 3, 7, 255])
      expect(binEdges(Float32Array.from({ length: 3000 }, (_, i) => Math.sqrt(i)), maxBins).length).toBeLessThan(maxBins);
  });

  it('have edges that are float32 numbers between their neighbours, even when nothing lies between', () => {
    const one = Math.fround(1);
    const next = 1 + 2 ** -23;
    const edges = binEdges(sorted(one, next), 255);
    expect([...edges]).toEqual([one]);
    expect([binOf(one, edges), binOf(next, edges)]).toEqual([1, 2]);
  });

  it('have finite edges around infinities', () => {
    expect([...binEdges(sorted(-Infinity, 0, Infinity), 255)]).toEqual([-LARGEST_FLOAT32, 0]);
    expect([...binEdges(sorted(-Infinity, Infinity), 255)]).toEqual([-LARGEST_FLOAT32]);
    expect([...binEdges(sorted(-Infinity, -LARGEST_FLOAT32), 255)]).toEqual([]);
  });

  it('keep bin 0 for missing values and see a number as its float32', () => {
    const { bins, bounded } = binTable(tableOf(['a'], [Float64Array.of(NaN, 0.1, Math.fround(0.1), 1e300, Infinity)]), 255);
    expect([...bins]).toEqual([0, 1, 1, 2, 2]);
    expect(bounded).toEqual([false]);
  });

  it('have no edge for a column without values', () => {
    expect(binEdges(sorted(), 255)).toHaveLength(0);
  });
});
