import { DAY, HOUR, parseInstant } from '@rhei/expressions';
import { tableOf } from '@rhei/tabular';
import { planSpec } from '../plan-spec';
import { profileOf } from './profile';

const spec = planSpec.parse({ model: 'late', featureSet: 'lateness', split: { holdout: '14d' }, when: 'true' });
const from = parseInstant('2001-01-01T00:00:00Z');
const reads = { features: ['x'], request: ['distance'], maturity: 2 * DAY };
/** Four examples a day for 70 days; every tenth does not know its distance. */
const times = Float64Array.from({ length: 280 }, (_, row) => from + row * 6 * HOUR);
const examples = {
  ids: Array.from(times, (_, row) => `f${row}`), asOf: times, time: times, labels: Uint8Array.from(times, (_, row) => Number(row % 4 === 0)), features: tableOf(['x'], [times]),
  request: new Map([['distance', { kind: 'number' as const, values: Float64Array.from(times, (_, row) => (row % 10 === 0 ? NaN : row % 100)) }]]),
};
const total = (counts: number[]): number => counts.reduce((sum, count) => sum + count, 0);

describe('the reference profile', () => {
  const asOf = from + 60 * DAY + 5 * HOUR;
  const profile = profileOf(examples, { asOf, filledFrom: from + 3 * DAY, reads, spec });

  it('holds the last 42 whole days whose labels were mature', () => {
    expect(profile).toMatchObject({ bucket: DAY, from: from + 16 * DAY, to: from + 58 * DAY });
    for (const { buckets } of profile.series) {
      expect(buckets.map(({ start }) => start)).toEqual(Array.from({ length: 42 }, (_, day) => from + (16 + day) * DAY));
      expect(new Set(buckets.map(({ counts }) => total(counts)))).toEqual(new Set([4]));
    }
  });

  it('counts request fields by deciles with the missing ones last, and outcomes by class', () => {
    const [distance, outcome] = profile.series;
    expect(distance).toMatchObject({ name: 'request.distance', origin: 'request', categories: [] });
    expect(distance.edges).toHaveLength(9);
    expect(distance.buckets[0].counts).toHaveLength(11);
    expect(total(distance.buckets.map(({ counts }) => counts[10]))).toBe(17);
    expect(outcome).toMatchObject({ name: 'outcome', origin: 'outcome', edges: [], categories: ['0', '1'] });
    expect(outcome.buckets[0].counts).toEqual([3, 1, 0, 0]);
  });

  it('is shorter where the windows filled later, and says so', () => {
    const short = profileOf(examples, { asOf, filledFrom: from + 50 * DAY + 1, reads, spec });
    expect(short).toMatchObject({ from: from + 51 * DAY, to: from + 58 * DAY });
  });

  it('begins with the first example where there are no windows to fill', () => {
    expect(profileOf(examples, { asOf: from + 10 * DAY, filledFrom: 0, reads, spec })).toMatchObject({ from, to: from + 8 * DAY });
  });

  it('refuses a run that has not one whole day', () => {
    expect(() => profileOf(examples, { asOf, filledFrom: from + 57 * DAY + 1, reads, spec })).toThrow(/No whole bucket of 1d/);
  });

  it('counts by buckets of another size where the plan says so', () => {
    const hourly = { ...spec, profile: { bucket: '6h', buckets: 8 } };
    expect(profileOf(examples, { asOf, filledFrom: from, reads, spec: hourly })).toMatchObject({ bucket: 6 * HOUR, from: from + 56 * DAY, to: from + 58 * DAY });
  });
});
