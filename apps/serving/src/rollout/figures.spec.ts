import { DAY, hashUnit } from '@rhei/expressions';
import { figuresOf, type ComparedRow } from './figures';

const about = { stage: 'canary', stageFrom: 2_001, seed: 'orders', name: 'm/2' };
const unit = (purpose: string, index: number): number => hashUnit(1, purpose, index);
const row = (over: Partial<ComparedRow> = {}): ComparedRow => ({ asOf: 0, role: 'shadow', traffic: 2_000, candidate: 0.3, live: 0.4, label: null, ...over });
const many = (count: number, make: (index: number) => Partial<ComparedRow>): ComparedRow[] => Array.from({ length: count }, (_, index) => row(make(index)));

describe('the figures of a rollout', () => {
  it('count what both scored, what the candidate answered in this stage, and what it could not score', () => {
    const rows = [row(), row({ live: null }), row({ candidate: null }), row({ role: 'canary', traffic: 2_001 }), row({ role: 'canary' }), row({ role: 'failed', candidate: null, traffic: 2_001 })];
    expect(figuresOf(rows, about)).toEqual({ stage: 'canary', rows: 3, answered: 1, errors: 2, labelled: 0, logLoss: {}, difference: {} });
  });

  it('compare the distributions of scores from a hundred rows on', () => {
    const shifted = (by: number, count: number) => figuresOf(many(count, (index) => ({ live: unit('live', index), candidate: Math.min(1, unit('live', index) + by) })), about).psi;
    expect(shifted(0.3, 99)).toBeUndefined();
    expect(shifted(0, 100)).toBe(0);
    expect(shifted(0.01, 1_000)).toBeLessThan(0.05);
    expect(shifted(0.3, 1_000)).toBeGreaterThan(0.25);
  });

  it('compare losses on rows whose label has matured, with an interval from the fifth day on', () => {
    const labelled = (days: number, candidate: (label: number) => number) => figuresOf(many(200, (index) => {
      const label = Number(unit('label', index) < 0.3);
      return { asOf: (index % days) * DAY, label, live: 0.3, candidate: candidate(label) };
    }), about);
    const four = labelled(4, () => 0.3);
    expect(four).toMatchObject({ labelled: 200, difference: { mean: 0 } });
    expect(four.difference).not.toHaveProperty('low');
    expect(labelled(5, () => 0.35).difference).toHaveProperty('low');
    expect(four.logLoss.candidate).toBe(four.logLoss.live);
    const better = labelled(10, (label) => (label === 1 ? 0.6 : 0.2)).difference;
    expect(better.high).toBeLessThan(0);
    expect(better.mean).toBeGreaterThan(better.low!);
    expect(labelled(10, (label) => (label === 1 ? 0.1 : 0.4)).difference.low).toBeGreaterThan(0);
    // It enters a decision: the same rows give the same figures.
    expect(labelled(10, () => 0.35)).toEqual(labelled(10, () => 0.35));
  });

  it('are all there without a row', () => {
    expect(figuresOf([], about)).toEqual({ stage: 'canary', rows: 0, answered: 0, errors: 0, labelled: 0, logLoss: {}, difference: {} });
  });
});
