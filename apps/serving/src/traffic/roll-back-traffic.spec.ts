import type { RheiError } from '@rhei/contracts';
import { aDeployment, aPlan, aVersion } from '../../spec/builders';
import { rollBackTraffic, type RollBack } from './roll-back-traffic';

/** The refusal of a rollback while version 2 is tried beside version 1, before which version 4 was live. */
function refusal(over: Partial<RollBack>): Promise<RheiError> {
  const plan = aPlan({ candidate: aVersion(2), stage: 'canary', before: aVersion(4) });
  const deps = {
    database: { transaction: (work: (tx: object) => unknown) => work({}) },
    deployments: { hold: async (_tx: object, name: string) => (name === 'orders' ? aDeployment() : undefined) },
    plans: { current: async () => ({ current: { plan } }), wasLive: async (_tx: object, _plan: object, version: number) => (version === 9 ? undefined : aVersion(version)) },
  };
  return rollBackTraffic(deps as never, { deployment: 'orders', reason: 'r', version: 0, to: 0, by: 'oper', ...over }).then(() => { throw new Error('it was done'); }, (error: RheiError) => error);
}

describe('a rollback that cannot be', () => {
  it('names no version to go to when it is the candidate that goes: the live version goes on', async () => {
    const { code, details } = await refusal({ version: 2, to: 4 });
    expect([code, details]).toEqual(['invalid', { field: 'to', expected: '0: version 1 goes on answering', got: '4', hint: 'to go back from the live version as well, roll back version 1' }]);
  });

  it('says which field was wrong, what was expected and what came', async () => {
    const wrong: [Partial<RollBack>, string, string][] = [
      [{ reason: ' ' }, 'invalid', 'reason'], [{ reason: 'x'.repeat(501) }, 'invalid', 'reason'], [{ version: -1 }, 'invalid', 'version'], [{ to: 9 }, 'invalid', 'to'], [{ to: 1 }, 'invalid', 'to'],
      [{ version: 7 }, 'conflict', 'version'], [{ deployment: 'nothing' }, 'not_found', 'deployment'],
    ];
    for (const [over, code, field] of wrong) {
      const error = await refusal(over);
      expect([error.code, error.details]).toEqual([code, expect.objectContaining({ field, expected: expect.stringMatching(/./), got: expect.stringMatching(/./), hint: expect.stringMatching(/./) })]);
    }
  });
});
