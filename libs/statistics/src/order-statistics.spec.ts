import fc from 'fast-check';
import { orderStatistics } from './order-statistics';

describe('order statistics', () => {
  it('are what sorting gives, of any numbers', () => {
    const number = fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: -3, max: 3 }), fc.constantFrom(0, 1e300, -1e300, 5e-324, Infinity, -Infinity));
    fc.assert(fc.property(fc.array(number, { minLength: 1, maxLength: 200 }), fc.array(fc.nat(199), { maxLength: 12 }), (values, wanted) => {
      const numbers = Float64Array.from(values);
      const places = wanted.filter((place) => place < values.length).sort((a, b) => a - b);
      const sorted = numbers.toSorted();
      expect(orderStatistics(numbers, places).map((value) => value + 0)).toEqual(places.map((place) => sorted[place] + 0));
    }), { seed: 12, numRuns: 300 });
  });

  it('leave the numbers as they were', () => {
    const numbers = Float64Array.from([3, 1, 2]);
    expect(orderStatistics(numbers, [0, 2])).toEqual([1, 3]);
    expect([...numbers]).toEqual([3, 1, 2]);
  });
});
