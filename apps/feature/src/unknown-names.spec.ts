import type { Definitions } from './definitions.store';
import { checkEntity } from './get-entity';
import { raiseUnknownSet } from './get-features';

const knowing = (...sets: [string, number][]) => ({ sets: new Map(sets.map(([name, version]) => [name, { name, version }])) }) as unknown as Pick<Definitions, 'sets'>;
const failure = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe('a name that nobody knows', () => {
  it('is answered with the sets that there are, or the versions of the one that is meant', () => {
    const hint = '"rhei get FeatureSet" lists them';
    expect(failure(() => raiseUnknownSet(knowing(['churn', 2], ['a', 1]), 'chrun', 0))).toMatchObject({ code: 'not_found', details: { field: 'feature_set', expected: 'one of a, churn', got: 'chrun', hint } });
    expect(failure(() => raiseUnknownSet(knowing(['churn', 2]), 'churn', 3))).toMatchObject({ details: { field: 'version', expected: 'a version from 1 to 2', got: '3', hint } });
    expect(failure(() => raiseUnknownSet(knowing(), 'churn', 0))).toMatchObject({ details: { expected: 'a feature set; none has been applied', hint } });
  });

  it('is no entity either where it is empty', () => {
    expect(failure(() => checkEntity(''))).toMatchObject({ code: 'invalid', details: { field: 'entity', got: '""', hint: expect.stringContaining('rhei features list') } });
  });
});
