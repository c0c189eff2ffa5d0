import fc from 'fast-check';
import { arrive, closeAt, nextOnGrid } from './watermark';

describe('arrival and watermark of a shard', () => {
  it('stamps the same instant while the clock stands still, and does not close it', () => {
    const first = arrive(0, 100);
    expect(first).toEqual({ arrival: 100, watermark: 99 });
    expect(arrive(first.watermark, 100)).toEqual(first);
  });
  it('stamps later what comes after the instant was closed', () => {
    expect(closeAt(99, 100)).toBe(100);
    expect(closeAt(100, 100)).toBeUndefined();
    expect(arrive(100, 100)).toEqual({ arrival: 101, watermark: 100 });
  });
  it('never stamps at or before what was said, and says only what grows, even when a clock goes back', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 50 })), { maxLength: 30 }), (steps) => {
      let said = -1;
      let last = -1;
      for (const [closing, now] of steps) {
        if (closing) said = closeAt(said, now) ?? said;
        else {
          const { arrival, watermark } = arrive(said, now);
          expect(arrival).toBeGreaterThan(said);
          expect(arrival).toBeGreaterThanOrEqual(Math.max(now, last));
          expect(watermark).toBeGreaterThanOrEqual(said);
          [said, last] = [watermark, arrival];
        }
      }
    }), { seed: 3, numRuns: 300 });
  });
  it('finds the next instant of a grid', () => {
    expect([nextOnGrid(0, 10), nextOnGrid(9, 10), nextOnGrid(10, 10), nextOnGrid(-1, 10)]).toEqual([10, 10, 20, 0]);
  });
});
