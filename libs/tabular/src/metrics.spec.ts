import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { auc, brier, logLoss } from './metrics';

interface Case {
  name: string;
  labels: number[];
  probabilities: number[];
  auc: number;
  logLoss: number;
  brier: number;
}

const { cases } = JSON.parse(readFileSync(join(__dirname, '../fixtures/metrics.json'), 'utf8')) as { cases: Case[] };

describe('metrics', () => {
  it.each(cases.map((one) => [one.name, one] as const))('agree with scikit-learn to 1e-12: %s', (_, one) => {
    const labels = Uint8Array.from(one.labels);
    const off = (ours: number, theirs: number) => Math.abs(ours - theirs) / Math.max(1, Math.abs(theirs));
    expect(off(auc(labels, one.probabilities), one.auc)).toBeLessThan(1e-12);
    expect(off(logLoss(labels, one.probabilities), one.logLoss)).toBeLessThan(1e-12);
    expect(off(brier(labels, one.probabilities), one.brier)).toBeLessThan(1e-12);
  });

  it('give half to ties', () => {
    expect(auc(Uint8Array.of(0, 1, 1), [0.5, 0.5, 0.9])).toBe(0.75);
  });

  it('have no ranking to judge with one class, and nothing to say of no rows', () => {
    expect(auc(Uint8Array.of(1, 1), [0.1, 0.9])).toBeNaN();
    expect(logLoss(Uint8Array.of(), [])).toBeNaN();
    expect(brier(Uint8Array.of(), [])).toBeNaN();
  });

  it('stay finite when a certain prediction is wrong', () => {
    expect(logLoss(Uint8Array.of(1), [0])).toBeCloseTo(34.54, 2);
  });
});
