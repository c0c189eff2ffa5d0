import { DAY, hashUnit, parseInstant } from '@rhei/expressions';
import { fitBoosting, labelsOf, rowsOf, tableOf } from '@rhei/tabular';
import { planSpec, type PlanSpec } from '../plan-spec';
import { boost, type Boosted } from './boost';

const from = parseInstant('2001-01-01T00:00:00Z');
const rows = 800;
const draw = (purpose: string, row: number): number => hashUnit(9, purpose, row);
const columns = ['a', 'b', 'c'].map((name) => Float64Array.from({ length: rows }, (_, row) => draw(name, row)));
const labels = Uint8Array.from(columns[0], (value, row) => Number(draw('label', row) < 0.2 + 0.5 * value));
const examples = { asOf: Float64Array.from({ length: rows }, (_, row) => from + Math.floor(row / 20) * DAY), labels, features: tableOf(['a', 'b', 'c'], columns) };
const fit = Uint32Array.from({ length: rows }, (_, row) => row);
const engine = { trees: 150, learningRate: 0.3, maxLeaves: 8, minRowsPerLeaf: 5 };
const specOf = (over: Record<string, unknown>): PlanSpec => planSpec.parse({ model: 'm', featureSet: 's', split: { holdout: '7d' }, when: 'true', seed: 4, engine: { ...engine, ...over } });
const watch = { progress: () => undefined, cancelled: () => false };
const boosted = (over: Record<string, unknown>): Boosted => boost(examples, fit, specOf(over), watch);

describe('boosting by a plan', () => {
  it('is what it was where the plan says nothing of early stopping', () => {
    const { ensemble, stopped, parameters } = boosted({});
    expect(ensemble).toEqual(fitBoosting(examples.features, labels, { ...engine, seed: 4 }));
    expect([stopped, 'earlyStopping' in parameters]).toEqual([undefined, false]);
  });

  it.each(['10d', 0.25])('fits all rows with as many trees as were best on the latest part of them: %s', (fold) => {
    const { ensemble, stopped, parameters } = boosted({ earlyStopping: { fold, rounds: 15 } });
    expect(stopped).toMatchObject({ of: 150 });
    expect(stopped!.round).toBeLessThan(60);
    expect(ensemble).toEqual(fitBoosting(rowsOf(examples.features, fit), labelsOf(labels, fit), { ...engine, seed: 4, trees: stopped!.round }));
    expect(parameters).toMatchObject({ trees: 150, earlyStopping: { fold, rounds: 15 } });
    expect(boosted({ earlyStopping: { fold, rounds: 15 } })).toEqual(boosted({ earlyStopping: { fold, rounds: 15 } }));
  });

  it('takes the same fold by time and by share where both are the same rows', () => {
    expect(boosted({ earlyStopping: { fold: '10d' } }).stopped).toEqual(boosted({ earlyStopping: { fold: 0.25 } }).stopped);
  });

  it('tells its progress on the way to one', () => {
    const seen: number[] = [];
    boost(examples, fit, specOf({ earlyStopping: { fold: 0.25 } }), { ...watch, progress: (share) => seen.push(share) });
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
  });

  it('refuses a fold that is too small, or leaves too little, with the reason', () => {
    expect(() => boosted({ earlyStopping: { fold: '2d' } })).toThrow(/There are 40 examples in the fold of early stopping \(\d+ of class 1\) when parted at .* change the fold/);
    expect(() => boosted({ earlyStopping: { fold: '39d' } })).toThrow(/There are 20 examples to fit before the fold/);
  });
});
