import { calibrationBinning, calibrationError } from './calibration';

describe('calibration bins', () => {
  it('hold about equally many rows, in the order of their probabilities', () => {
    const { binOf, count } = calibrationBinning(Float64Array.from({ length: 25 }, (_, row) => (24 - row) / 100));
    expect(count).toBe(10);
    expect([...binOf].reverse()).toEqual([...binOf].sort((a, b) => a - b));
    expect(Array.from({ length: 10 }, (_, bin) => binOf.filter((of) => of === bin).length).every((rows) => rows === 2 || rows === 3)).toBe(true);
  });

  it('are fewer where probabilities are equal, for equal ones share one', () => {
    expect(calibrationBinning([0.5, 0.2, 0.5, 0.5])).toEqual({ binOf: Uint8Array.of(1, 0, 1, 1), count: 2 });
    expect(calibrationBinning([])).toEqual({ binOf: new Uint8Array(), count: 0 });
  });
});

describe('the calibration error', () => {
  it('is the mean distance of what was said and what came, over rows', () => {
    expect(calibrationError([{ predicted: 2, observed: 1, rows: 10 }, { predicted: 6, observed: 9, rows: 30 }])).toBe(4 / 40);
    expect(calibrationError([])).toBeNaN();
  });
});
