import { TabularError } from './errors';
import { boostingParams, DEFAULT_PARAMS } from './params';

describe('parameters of boosting', () => {
  it('are the defaults when nothing is given', () => {
    expect(boostingParams()).toEqual(DEFAULT_PARAMS);
    expect(boostingParams({ trees: undefined })).toEqual(DEFAULT_PARAMS);
  });

  it('name all faults at once', () => {
    const faulty = { trees: 0, learningRate: NaN, maxBins: 256, l2: '1', depth: 3 };
    const problems = problemsOf(() => boostingParams(faulty as never));
    expect(problems).toEqual([
      'Parameter "trees" must be an integer from 1 to 10000; it is 0.',
      'Parameter "learningRate" must be a number above 0 and at most 1; it is NaN.',
      'Parameter "maxBins" must be an integer from 2 to 255; it is 256.',
      'Parameter "l2" must be a number from 0 to 1000000000; it is 1.',
      expect.stringMatching(/^Parameter "depth" is unknown; known are trees, /),
    ]);
  });
});

function problemsOf(attempt: () => unknown): readonly string[] {
  try {
    attempt();
  } catch (error) {
    if (error instanceof TabularError) return error.problems;
    throw error;
  }
  return [];
}
