import { hashUnit, parseInstant } from '@rhei/expressions';
import { monitorSpec } from '../monitor/monitor-spec';
import { testWindow, type References } from './drift';
import type { Profile } from './reference';
import type { Row } from './row';

const day = 86_400_000_000;
const start = parseInstant('2001-01-01T00:00:00Z');
const spec = monitorSpec.parse({ deployment: 'departures', watch: ['request.distance', 'outcome'] });

const unit = (purpose: string, index: number, row: number): number => hashUnit(1, purpose, `${index}/${row}`);
const rowsOf = (index: number, late: number, farther = 0): Row[] => Array.from({ length: 60 }, (_, row) => ({
  at: start + index * day + row * 1_000_000, request: { distance: 100 + 900 * unit('distance', index, row) + farther }, probability: 0.2,
  label: unit('late', index, row) < late ? 1 : 0, missing: [], version: 1, unseen: true,
}));
const span = (from: number, to: number, make: (index: number) => Row[]): Row[] => Array.from({ length: to - from }, (_, index) => make(from + index)).flat();

/** Six weeks, counted as training would: distance in four bins, outcome in two categories; the last count is what is missing. */
const reference = (weeks = 6): Profile => ({
  version: 1, bucket: day, from: start, to: start + weeks * 7 * day,
  series: [
    { name: 'distance', origin: 'request', binning: { kind: 'numeric', edges: [325, 550, 775] }, buckets: countDays(weeks * 7, ({ request }) => [325, 550, 775].filter((edge) => Number(request.distance) >= edge).length, 5) },
    { name: 'outcome', origin: 'outcome', binning: { kind: 'categorical', categories: ['0', '1'] }, buckets: countDays(weeks * 7, ({ label }) => Number(label), 4) },
  ],
});
const countDays = (days: number, bin: (row: Row) => number, bins: number): { start: number; counts: number[] }[] =>
  Array.from({ length: days }, (_, index) => {
    const counts = new Array<number>(bins).fill(0);
    for (const row of rowsOf(index, 0.2)) counts[bin(row)]++;
    return { start: start + index * day, counts };
  });
const week = { from: start + 42 * day, to: start + 49 * day };
const unasked = { why: 'the monitor does not ask for it' };
const against = (profile: Profile | undefined): References => ({ liveVersion: profile?.version ?? 0, profile, ownDays: unasked, moving: unasked, requestFields: ['distance'] });
const judge = (rows: Row[], over: Partial<Profile> = {}) => testWindow('departures', spec, week, rows, against({ ...reference(), ...over }));

describe('a window', () => {
  it('does not alarm when nothing has changed', () => {
    const { tests, untested } = judge(span(42, 49, (index) => rowsOf(index, 0.2)));
    expect(tests.map(({ name, alarm }) => [name, alarm])).toEqual([['request.distance', false], ['outcome', false]]);
    expect(untested).toEqual([]);
  });

  it('alarms for what has changed, and for that alone', () => {
    const { tests } = judge(span(42, 49, (index) => rowsOf(index, 0.45)));
    expect(tests.map(({ name, alarm }) => [name, alarm])).toEqual([['request.distance', false], ['outcome', true]]);
    expect(tests[1].pValue).toBe(0.001);
  });

  it('compares only the truth that is known', () => {
    const rows = span(42, 49, (index) => rowsOf(index, 0.2)).map((row, index) => (index % 2 ? row : { ...row, label: null }));
    expect(judge(rows).tests[1].alarm).toBe(false);
  });

  it('gives the same figures when it is asked again', () => {
    const rows = span(42, 49, (index) => rowsOf(index, 0.25));
    expect(judge([...rows].reverse())).toEqual(judge(rows));
  });

  it('stays below the floor of what is worth acting on', () => {
    const rows = span(42, 49, (index) => rowsOf(index, 0.45));
    expect(testWindow('departures', { ...spec, floor: 10 }, week, rows, against(reference())).tests.some(({ alarm }) => alarm)).toBe(false);
  });

  it.each([
    ['overlaps what its reference was made of', { to: week.from + day }, 'overlaps the reference of version 1'],
    ['has a reference with other buckets', { bucket: day / 2 }, 'other buckets'],
    ['has a reference that is too short', { ...reference(3) }, 'Wait for a longer reference'],
    ['is not in the reference', { series: [] }, 'does not hold it'],
  ])('is not tested when it %s', (_, over, why) => {
    const { tests, untested } = judge(span(42, 49, (index) => rowsOf(index, 0.9)), over);
    expect(tests).toEqual([]);
    expect(untested).toMatchObject([{ name: 'request.distance', why: expect.stringContaining(why) }, { name: 'outcome', why: expect.stringContaining(why) }]);
  });

  it('is not tested without a reference, or without rows', () => {
    expect(testWindow('departures', spec, week, [], against(undefined)).untested[0].why).toContain('no reference profile');
    expect(judge([]).untested[0].why).toContain('no value');
  });
});
