import { hashUnit, parseInstant } from '@rhei/expressions';
import { windowTest } from '@rhei/statistics';
import { monitorSpec, type MonitorSpec } from '../monitor/monitor-spec';
import type { Window } from '../window/window';
import { testWindow, type References } from './drift';
import { countRows, quietWindows, sumRows, type Profile, type Rows } from './reference';
import type { Row } from './row';
import { watchedOf } from './watched';

const day = 86_400_000_000;
const start = parseInstant('2001-01-01T00:00:00Z');
const span = (from: number, to: number): Window => ({ from: start + from * day, to: start + to * day });
const unit = (purpose: string, index: number, row: number): number => hashUnit(2, purpose, `${index}/${row}`);

interface World { rows?: number; far?: number; lost?: number; stale?: number; bold?: number; hub?: number }
/** Days of questions from two ports; the answers are as good as chance lets them be, unless they are too bold. */
const dayOf = (index: number, { rows = 60, far = 0, lost = 0.1, stale = 0.1, bold = 0, hub = 0.5 }: World = {}): Row[] => Array.from({ length: rows }, (_, row) => {
  const truth = unit('truth', index, row) < 0.3 ? 1 : 0;
  return {
    at: start + index * day + row, version: 1, unseen: true, label: truth, probability: bold > 0 && unit('bold', index, row) < bold ? 0.95 : 0.3,
    request: { distance: unit('lost', index, row) < lost ? null : 100 + far + 900 * unit('distance', index, row), port: unit('port', index, row) < hub ? 'HUB' : 'SPOKE', cargo: row % 3 === 0 ? 'mail' : 'people' },
    missing: unit('stale', index, row) < stale ? ['rate'] : [],
  };
});
const days = (from: number, to: number, world?: World): Row[] => Array.from({ length: to - from }, (_, at) => dayOf(from + at, world)).flat();

/** What training would bring of the first six weeks. */
function profileOf(rows: Rows, spec: MonitorSpec): Profile {
  const counted = ['request.distance', 'request.port', 'outcome'].map((name) => ({ name, ...countRows(watchedOf(name, spec, ['distance', 'port']) as never, rows, day) }));
  return {
    version: 1, bucket: day, from: start, to: start + 42 * day,
    series: counted.map(({ name, binning, buckets }) => ({ name: name.replace('request.', ''), origin: name === 'outcome' ? 'outcome' : 'request', binning, buckets: buckets.map(({ index, counts }) => ({ start: index * day, counts: [...counts] })) })),
  };
}

const week = span(42, 49);
const six: Rows = { rows: days(0, 42), spans: Array.from({ length: 6 }, (_, at) => span(7 * at, 7 * at + 7)) };
const specOf = (over: object): MonitorSpec => monitorSpec.parse({ deployment: 'departures', watch: ['request.distance'], ...over });
const judge = (over: object, rows: Row[], references: Partial<References> = {}) => {
  const spec = specOf(over);
  return testWindow('departures', spec, week, rows, { liveVersion: 1, profile: profileOf(six, spec), moving: six, ownDays: six, requestFields: ['distance', 'port', 'cargo'], ...references });
};
const everything = ['request.distance', 'request.port', 'missing.distance', 'missing.rate', 'volume', 'outcome', 'loss'];

describe('a window against a fixed reference', () => {
  it('alarms for nothing in a quiet week, and tests all that the reference holds', () => {
    const { tests, untested } = judge({ watch: everything }, days(42, 49));
    expect(tests.map(({ name, measure, alarm }) => [name, measure, alarm])).toEqual([
      ['request.distance', 'psi', false], ['request.port', 'psi', false], ['missing.distance', 'difference', false], ['volume', 'relative', false], ['outcome', 'psi', false], ['loss', 'difference', false],
    ]);
    // A profile counts what was asked, not what was served.
    expect(untested).toMatchObject([{ name: 'missing.rate', reference: 'fixed', why: 'the reference of version 1 does not hold it' }]);
  });

  it.each<[string, string, World, string]>([
    ['a missing rate', 'missing.distance', { lost: 0.3 }, 'difference'], ['a volume', 'volume', { rows: 30 }, 'relative'], ['a mix', 'request.port', { hub: 0.8 }, 'psi'], ['a loss', 'loss', { bold: 0.5 }, 'difference'],
  ])('alarms for %s that has changed, and for that alone', (_, name, world, measure) => {
    const { tests } = judge({ watch: ['request.port', 'missing.distance', 'volume', 'loss'] }, days(42, 49, world));
    expect(tests.filter(({ alarm }) => alarm)).toMatchObject([{ name, measure, reference: 'fixed' }]);
  });

  it('tells what a figure was before and is after', () => {
    const [{ before, after, effect, rows }] = judge({ watch: ['volume'] }, days(42, 49, { rows: 30 })).tests;
    expect({ before, after, effect, rows }).toEqual({ before: 60, after: 30, effect: 0.5, rows: 210 });
  });

  it('takes no fall of the loss for a reason to act', () => {
    const worse: Rows = { ...six, rows: days(0, 42, { bold: 0.5 }) };
    expect(judge({ watch: ['loss'] }, days(42, 49), { ownDays: worse }).tests[0]).toMatchObject({ alarm: false, pValue: expect.closeTo(1, 1) });
  });

  it('does not lay to the live version what a canary answers', () => {
    const canary = days(42, 49, { bold: 0.9 }).filter((_, row) => row % 4 === 0);
    const rows = (version: number): Row[] => [...days(42, 49).filter((_, row) => row % 4 !== 0), ...canary.map((row) => ({ ...row, version }))];
    expect(judge({ watch: ['loss'] }, rows(1)).tests).toMatchObject([{ alarm: true, rows: 420 }]);
    expect(judge({ watch: ['loss'] }, rows(2)).tests).toMatchObject([{ alarm: false, rows: 315 }]);
  });

  it('keeps each floor', () => {
    const world: World = { lost: 0.3, rows: 30 };
    expect(judge({ watch: ['missing.distance', 'volume'], floors: { missing: 0.5, volume: 0.9 } }, days(42, 49, world)).tests.some(({ alarm }) => alarm)).toBe(false);
  });

  it('leaves out of the loss what a fit could have seen, and what no version answered', () => {
    const rows = days(42, 49, { bold: 0.9 });
    const seen = rows.map((row) => ({ ...row, unseen: false }));
    expect(judge({ watch: ['loss'] }, seen).untested).toMatchObject([{ name: 'loss', why: expect.stringContaining('no rows') }]);
    const fallen = rows.map((row) => ({ ...row, version: 0 }));
    expect(judge({ watch: ['loss', 'volume'] }, fallen)).toMatchObject({ tests: [{ name: 'volume', rows: 420, alarm: false }], untested: [{ name: 'loss' }] });
  });

  it('draws as it did when nothing but values is watched', () => {
    const rows = days(42, 49, { far: 40 });
    const spec = specOf({});
    const distance = watchedOf('request.distance', spec, ['distance']) as Extract<ReturnType<typeof watchedOf>, { kind: 'distribution' }>;
    const reference = countRows(distance, six, day);
    const { statistic, pValue } = windowTest({ name: 'request.distance', seed: 'departures 2001-02-12T00:00:00Z', reference: reference.buckets, window: countRows(distance, { rows, spans: [week] }, day, reference.binning).buckets });
    expect(judge({}, rows).tests).toMatchObject([{ statistic, pValue }]);
  });
});

describe('a window against a moving reference', () => {
  it('tests also what no profile holds', () => {
    const { tests, untested } = judge({ watch: [...everything, 'request.cargo'], against: 'moving' }, days(42, 49, { stale: 0.4 }));
    expect(untested).toEqual([]);
    expect(tests.filter(({ alarm }) => alarm)).toMatchObject([{ name: 'missing.rate', reference: 'moving' }]);
  });

  it('is a second test under the same budget where both are asked for, and each alarm says which it was', () => {
    const moved: Rows = { ...six, rows: days(0, 42, { far: 400 }) };
    const { tests } = judge({ watch: ['request.distance', 'volume'], against: 'both' }, days(42, 49, { far: 400 }), { moving: moved });
    expect(tests.map(({ name, reference, alarm }) => [name, reference, alarm])).toEqual([
      ['request.distance', 'fixed', true], ['volume', 'fixed', false], ['request.distance', 'moving', false], ['volume', 'moving', false],
    ]);
  });

  it('says why it cannot be', () => {
    const { tests, untested } = judge({ against: 'both' }, days(42, 49), { moving: { why: 'too few' }, profile: undefined });
    expect(tests).toEqual([]);
    expect(untested).toEqual([
      { name: 'request.distance', reference: 'fixed', slice: '', why: 'the live version brought no reference profile' }, { name: 'request.distance', reference: 'moving', slice: '', why: 'too few' },
    ]);
  });

  describe('takes the last quiet windows', () => {
    const past = (alarms: number[], count = 10) => Array.from({ length: count }, (_, at) => ({ ...span(7 * at, 7 * at + 7), alarm: alarms.includes(at), decidedAt: start + (7 * at + 9) * day }));
    const weeks = (windows: unknown): unknown => (Array.isArray(windows) ? windows.map(({ from }: Window) => (from - start) / (7 * day)) : windows);
    const quiet = (alarms: number[], learnt = 0) => weeks(quietWindows(past(alarms), span(70, 77), { reference: 3, learntUntil: start + learnt * day }));

    it('without those that alarmed', () => {
      expect(quiet([])).toEqual([7, 8, 9]);
      expect(quiet([8])).toEqual([6, 7, 9]);
    });
    it('and none from before a change that the live version has learnt', () => {
      // Window 5 alarmed and was decided on day 44; the live version knew that.
      expect(quiet([5], 44)).toEqual([7, 8, 9]);
      expect(quiet([8], 65)).toEqual({ why: expect.stringContaining('since the change in the window of 2001-02-26T00:00:00Z, which the live version has learnt; there are 1') });
    });
    it('but those from before a change that no version has learnt', () => expect(quiet([8], 64)).toEqual([6, 7, 9]));
    it('and only windows before it, of its own length', () => {
      expect(weeks(quietWindows(past([]), span(28, 35), { reference: 3, learntUntil: 0 }))).toEqual([1, 2, 3]);
      expect(quietWindows(past([]), span(70, 71), { reference: 3, learntUntil: 0 })).toEqual({ why: 'the moving reference takes 3 windows without an alarm; there are 0' });
    });
  });
});

describe('slices', () => {
  const shifted = days(42, 49).map((row) => (row.request.port === 'HUB' ? { ...row, request: { ...row.request, distance: 900 } } : row));

  it('find what moves in one of them, by the watched things and the loss', () => {
    const { tests } = judge({ slices: ['request.port'] }, shifted);
    expect(tests.filter(({ alarm }) => alarm).map(({ name, slice, reference }) => [name, slice, reference])).toEqual([['request.distance', '', 'fixed'], ['request.distance', 'request.port=HUB', 'moving']]);
    expect(tests.filter(({ slice }) => slice !== '').map(({ name, slice }) => `${name} ${slice}`).sort()).toEqual([
      'loss request.port=HUB', 'loss request.port=SPOKE', 'request.distance request.port=HUB', 'request.distance request.port=SPOKE',
    ]);
  });

  it('are only shown below the rows that they must have, and spend none of the budget', () => {
    const { tests } = judge({ slices: ['request.port'], slicing: { rows: 10_000 } }, shifted);
    expect(tests.filter(({ slice }) => slice !== '').every(({ shown, alarm }) => shown && !alarm)).toBe(true);
    expect(tests.find(({ slice, name }) => slice === 'request.port=HUB' && name === 'request.distance')).toMatchObject({ pValue: expect.closeTo(0.001, 2) });
  });

  it('are as many as were asked for, and say what keeps them from a test', () => {
    expect(judge({ slices: ['request.port', 'request.cargo'], slicing: { top: 1 } }, shifted).tests.filter(({ name }) => name === 'loss')).toHaveLength(2);
    const { untested } = judge({ slices: ['request.port'] }, shifted, { moving: { why: 'too few' } });
    expect(untested).toContainEqual({ name: 'request.distance', reference: 'moving', slice: 'request.port=HUB', why: 'too few' });
  });
});

it('counts a day on which nothing was asked', () => {
  const volume = watchedOf('volume', specOf({}), []) as Extract<ReturnType<typeof watchedOf>, { kind: 'volume' }>;
  expect(sumRows(volume, { rows: days(43, 44), spans: [span(42, 45)] }, day).map(({ sum, size }) => [sum, size])).toEqual([[0, 1], [60, 1], [0, 1]]);
});
