import { DAY, parseInstant } from '@rhei/expressions';
import { planSpec } from '../plan-spec';
import { splitExamples } from './split';

const spec = planSpec.parse({ model: 'late', featureSet: 'lateness', split: { holdout: '14d' }, when: 'true' });
const from = parseInstant('2001-01-01T00:00:00Z');
const asOf = from + 60 * DAY;
const reads = { features: ['x'], request: [], maturity: 2 * DAY };
/** Ten examples a day for 58 days, every third of class 1. */
const examples = { asOf: Float64Array.from({ length: 580 }, (_, row) => from + Math.floor(row / 10) * DAY), labels: Uint8Array.from({ length: 580 }, (_, row) => Number(row % 3 === 0)) };

describe('the split by time', () => {
  it('scores on the latest mature examples and fits on all before them', () => {
    const { fit, holdout, fitUntil } = splitExamples(examples, { asOf, reads, spec });
    expect([fit.length, holdout.length]).toEqual([450, 130]);
    expect(fitUntil).toBe(from + 44 * DAY);
    expect(examples.asOf[holdout[0]]).toBe(from + 45 * DAY);
  });

  it('never scores on a row that fitted the champion', () => {
    const fitUntil = from + 50 * DAY;
    const { holdout } = splitExamples(examples, { asOf, reads, spec, champion: { digest: '', path: '', fitUntil } });
    expect(examples.asOf[holdout[0]]).toBe(from + 51 * DAY);
  });

  it('says what is missing when a part is too small or knows one class only', () => {
    expect(() => splitExamples(examples, { asOf, reads, spec, champion: { digest: '', path: '', fitUntil: from + 56 * DAY } })).toThrow(/There are 10 examples to score \(\d of class 1\) .* at least 50, of both classes/);
    expect(() => splitExamples({ ...examples, labels: new Uint8Array(580) }, { asOf, reads, spec })).toThrow(/450 examples to fit \(0 of class 1\)/);
  });
});
