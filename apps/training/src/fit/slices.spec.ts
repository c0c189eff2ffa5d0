import { tableOf } from '@rhei/tabular';
import { slicesOf, type ToSlice } from './slices';

const rows = 400;
const all = Array.from({ length: rows }, (_, row) => row);
const towns = all.map((row) => (row % 2 === 0 ? 'bern' : row % 4 === 1 ? 'basel' : `t${row % 50}`));
const heights = Float64Array.from(all, (row) => (row % 10 === 0 ? NaN : row));
const given: ToSlice = {
  examples: { features: tableOf(['height'], [heights]), request: new Map([['town', { kind: 'text', values: towns }], ['flag', { kind: 'text', values: all.map((row) => String(row < 7)) }]]) },
  holdout: Uint32Array.from(all), losses: Float64Array.from(all, (row) => (row % 2 === 0 ? 0.2 : 0.4)), others: new Float64Array(rows).fill(0.3),
  days: Array.from({ length: 10 }, (_, day) => ({ rows: all.slice(day * 40, day * 40 + 40) })), seed: 3,
};

describe('slices', () => {
  it('are the most frequent values first, twenty at most, and the others together', () => {
    const slices = slicesOf(['request.town'], given);
    expect(slices).toHaveLength(21);
    expect(slices.slice(0, 3)).toMatchObject([{ field: 'request.town', value: 'bern', rows: 200 }, { value: 'basel', rows: 100 }, { value: expect.stringMatching(/^t/) }]);
    expect(slices.at(-1)).toMatchObject({ value: 'other' });
    expect(slices.reduce((sum, slice) => sum + slice.rows, 0)).toBe(rows);
  });

  it('tell the loss in each and its paired difference with an interval', () => {
    const [bern, basel] = slicesOf(['request.town'], given);
    expect(bern).toMatchObject({ logLoss: expect.closeTo(0.2), difference: { mean: expect.closeTo(-0.1), low: expect.closeTo(-0.1), high: expect.closeTo(-0.1) } });
    expect(basel).toMatchObject({ logLoss: expect.closeTo(0.4), difference: { mean: expect.closeTo(0.1) } });
  });

  it('are the quartiles of a number, and its missing values', () => {
    const slices = slicesOf(['height'], given);
    expect(slices.map(({ value, rows: count }) => [value, count])).toEqual([['1..100.5', 90], ['100.5..200', 90], ['200..299.5', 90], ['299.5..399', 90], ['missing', 40]]);
  });

  it('have no interval with rows of one day only', () => {
    expect(slicesOf(['request.flag'], given)).toMatchObject([{ value: 'false', rows: 393, difference: { mean: expect.any(Number) } }, { value: 'true', rows: 7, difference: null }]);
  });

  it('of a number that is nearly always the same are fewer', () => {
    const examples = { features: tableOf(['one'], [Float64Array.from(all, (row) => (row === 0 ? 9 : 2))]), request: new Map() };
    expect(slicesOf(['one'], { ...given, examples }).map(({ value, rows: count }) => [value, count])).toEqual([['2', 399], ['2..9', 1]]);
  });

  it('name a column that is not there', () => expect(() => slicesOf(['snow'], given)).toThrow(/slices of "snow", which the training set does not have; it has the features height and the request fields town, flag/));
});
