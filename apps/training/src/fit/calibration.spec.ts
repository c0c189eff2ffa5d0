import { hashUnit } from '@rhei/expressions';
import { calibrationOf, drawDays } from './calibration';
import type { Calibration } from './task';

const rows = 2_000;
const draw = (purpose: string, row: number): number => hashUnit(5, purpose, row);
const truth = Float64Array.from({ length: rows }, (_, row) => 0.05 + 0.9 * draw('p', row));
const labels = Uint8Array.from(truth, (p, row) => Number(draw('label', row) < p));
const days = Array.from({ length: 20 }, (_, day) => ({ rows: Array.from({ length: 100 }, (__, at) => day * 100 + at) }));
const drawn = drawDays(days.length, 7);
const calibrated = (scores: ArrayLike<number>): Calibration => calibrationOf(labels, scores, days, drawn);

describe('calibration', () => {
  it('finds honest scores honest: no error beyond noise, and a slope of one', () => {
    const { error, low, high, slope, bins } = calibrated(truth);
    expect(error).toBeLessThan(0.04);
    expect([low! <= error, error <= high!, low! < 0.01]).toEqual([true, true, true]);
    expect(Math.abs(slope! - 1)).toBeLessThan(0.15);
    expect(bins.map((bin) => bin.rows)).toEqual(new Array(10).fill(200));
    bins.forEach(({ predicted, observed }) => expect(Math.abs(predicted - observed)).toBeLessThan(0.12));
  });

  it('measures the error of scores that are off by a tenth, with an interval that holds it', () => {
    const { error, low, high } = calibrated(truth.map((p) => Math.min(0.99, p + 0.1)));
    expect(low).toBeLessThan(0.1);
    expect(high).toBeGreaterThan(0.085);
    expect(Math.abs(error - 0.1)).toBeLessThan(0.025);
    expect(low).toBeGreaterThan(0.05);
  });

  it('gives scores that are too sure a slope below one', () => {
    const sure = truth.map((p) => 1 / (1 + ((1 - p) / p) ** 2));
    expect(Math.abs(calibrated(sure).slope! - 0.5)).toBeLessThan(0.1);
  });

  it('is the mean distance of score and share by bin, equal scores in one', () => {
    const scores = Float64Array.of(0.2, 0.2, 0.2, 0.2, 0.8, 0.8);
    const { error, bins, slope } = calibrationOf(Uint8Array.of(1, 0, 0, 0, 1, 1), scores, [{ rows: [0, 1, 2] }, { rows: [3, 4, 5] }], drawDays(2, 1));
    expect(bins).toEqual([{ predicted: expect.closeTo(0.2), observed: 0.25, rows: 4 }, { predicted: expect.closeTo(0.8), observed: 1, rows: 2 }]);
    expect(error).toBeCloseTo((4 * 0.05 + 2 * 0.2) / 6, 12);
    expect(slope).toBeDefined();
  });

  it('of a constant is one bin without a slope, and of one day has no interval', () => {
    const { bins, slope, ...rest } = calibrationOf(labels, new Float64Array(rows).fill(0.5), [{ rows: [...labels.keys()] }], []);
    expect([bins.length, slope, Object.keys(rest)]).toEqual([1, undefined, ['error']]);
  });

  it('repeats bit by bit', () => expect(calibrated(truth)).toEqual(calibrationOf(labels, truth, days, drawDays(20, 7))));
});
