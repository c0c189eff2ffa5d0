import { performanceOf } from './performance';

const answer = (probability: number | null, label: number | null, version = 1) => ({ probability, label, version });

describe('performance', () => {
  it('is the log loss over what is labelled, with the share that this is', () => {
    expect(performanceOf([answer(0.5, 1), answer(0.25, 0), answer(0.9, null), answer(0.1, null)]))
      .toEqual({ rows: 4, labelled: 2, coverage: 0.5, logLoss: (Math.log(2) + Math.log(4 / 3)) / 2 });
  });
  it('costs a certain mistake 34.5 nats', () => expect(performanceOf([answer(1, 0)]).logLoss).toBeCloseTo(34.5, 1));
  it('is unknown without a label', () => expect(performanceOf([answer(0.5, null)])).toEqual({ rows: 1, labelled: 0, coverage: 0, logLoss: undefined }));
  it('counts what the fallback answered as a row and its truth as known, and gives it no loss', () => {
    expect(performanceOf([answer(0.5, 1), answer(0.9, 0, 0), answer(null, 1, 0)])).toEqual({ rows: 3, labelled: 3, coverage: 1, logLoss: Math.log(2) });
    expect(performanceOf([answer(0.9, 0, 0)]).logLoss).toBeUndefined();
  });
});
