import { parseInstant } from '@rhei/expressions';
import { comparisonOf } from './compare-runs';
import { differencesIn } from './difference';
import type { FitRecord, ScoredDay } from './fit/task';
import { planSpec } from './plan-spec';
import type { Run } from './run';

const day = parseInstant('2001-03-01T00:00:00Z');
const days = (...losses: number[]): ScoredDay[] => losses.map((logLoss, at) => ({ day: day + at, rows: 10, logLoss }));
const record = (over: Partial<FitRecord> = {}): FitRecord => ({
  artifactSize: 1, card: {}, signature: {}, example: {}, parameters: { trees: 20, seed: 7 }, profile: { bucket: 1, from: 0, to: 1, series: [] }, fitUntil: day, codeDigest: 'c1', scored: { digest: 'h1', days: days(4, 5) }, ...over,
});
const aRun = (id: string, over: Partial<Run> = {}): Run => ({
  id, plan: 'late', model: 'late', featureSet: 'lateness', featureSetVersion: 1, reads: { features: ['x'], request: [], maturity: 0 }, spec: planSpec.parse({ model: 'late', featureSet: 'lateness', split: { holdout: '14d' }, when: 'true' }),
  state: 'succeeded', asOf: day, cause: { kind: 'person', id: 'dev', reason: '' }, by: 'dev', build: 'built', trainingSet: 's', manifestDigest: 'm', trainingSetDigest: 'rows1', progress: 1, phase: '', noCache: false, deaths: 0,
  artifactDigest: 'a1', failure: '', traceparent: '', seconds: 1, record: record(), ...over,
});

describe('a comparison of two runs', () => {
  it('finds no difference between a run and its like', () => {
    expect(comparisonOf(aRun('a'), aRun('b'))).toMatchObject({ differences: [], paired: { mean: 0, low: 0, high: 0, rows: 20, days: 2 }, unpaired: '' });
  });

  it('names causes before what follows from them', () => {
    const other = aRun('b', {
      trainingSetDigest: 'rows2', artifactDigest: 'a2', reads: { features: ['x', 'y'], request: [], maturity: 0 }, champion: { version: 1, digest: 'd', fitUntil: day }, spec: { ...aRun('b').spec, split: { holdout: '7d' } },
      record: record({ codeDigest: 'c2', parameters: { trees: 40, seed: 7 }, scored: { digest: 'h2', days: [] } }),
    });
    expect(comparisonOf(aRun('a'), other)).toMatchObject({
      differences: [
        { what: 'training set', a: 'rows1', b: 'rows2' }, { what: 'reads.features', a: '["x"]', b: '["x","y"]' }, { what: 'code', a: 'c1', b: 'c2' }, { what: 'parameters.trees', a: '20', b: '40' },
        { what: 'plan.split.holdout', a: '14d', b: '7d' }, { what: 'champion', a: '', b: 'd' }, { what: 'holdout' }, { what: 'model', a: 'a1', b: 'a2' },
      ],
      paired: undefined, unpaired: 'they scored different rows',
    });
  });

  it('weighs days by their rows, and says why there is no pair', () => {
    const worse = aRun('b', { record: record({ scored: { digest: 'h1', days: days(3, 3) } }) });
    expect(comparisonOf(aRun('a'), worse).paired).toMatchObject({ mean: expect.closeTo(0.15), low: expect.closeTo(0.1), high: expect.closeTo(0.2) });
    expect(comparisonOf(aRun('a'), aRun('b', { state: 'failed', record: undefined })).unpaired).toBe('run b recorded no scores');
    const short = { record: record({ scored: { digest: 'h1', days: days(3) } }) };
    expect(comparisonOf(aRun('a', short), aRun('b', short)).unpaired).toBe('the rows that they scored are of one day only');
  });
});

describe('differences', () => {
  it('go into objects by path and take all else as a whole', () => {
    expect(differencesIn('p', { a: 1, b: { c: [1], d: null }, e: 'x' }, { a: 1, b: { c: [2], d: null }, f: true })).toEqual([{ what: 'p.b.c', a: '[1]', b: '[2]' }, { what: 'p.e', a: 'x', b: '' }, { what: 'p.f', a: '', b: 'true' }]);
  });
});
