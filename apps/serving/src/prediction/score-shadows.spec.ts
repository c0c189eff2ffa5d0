import { notFound, unavailable, type serving } from '@rhei/contracts';
import type { Transaction } from '@rhei/runtime';
import { aPlan, aVersion } from '../../spec/builders';
import type { ModelSession } from '../traffic/model-session';
import type { Plan } from '../traffic/plan';
import { Sessions } from '../traffic/sessions';
import type { LedgerRow, LedgerStore } from './ledger.store';
import { scoreShadows } from './score-shadows';

const answered = (id: string, version: number, role: string): serving.Prediction => ({
  id, version, role, digest: `d${version}`, example: id, exampleTime: 0, asOf: 5, requestJson: '{}', features: [{ name: 'x', value: 2, eventTime: 0, age: 0, freshness: 1 }],
  outputs: { probability: 0.5 }, traffic: 1_000, reason: '', error: '', featureSetVersion: 0,
});

/** What is written beside these answers, as `<id> <version>`. */
async function beside(plan: Plan, ...predictions: serving.Prediction[]): Promise<string[]> {
  const rows: LedgerRow[] = [];
  const sessions = new Sessions(async () => ({ features: ['x'], score: async (input: Float32Array) => input.map((value) => value / 10), release: async () => undefined }) as unknown as ModelSession);
  const ledger = { append: async (_tx: Transaction, some: LedgerRow[]) => (rows.push(...some), new Set<string>()) } as unknown as LedgerStore;
  const plans = { at: async () => plan } as never;
  await scoreShadows({ plans, sessions, ledger }, { deployment: 'orders', model: 'm', featureSet: 's', shard: 0, predictions }, {} as Transaction);
  expect(rows.every(({ role, outputs, error }) => role === 'shadow' && error === '' && Math.abs(outputs.probability - 0.2) < 1e-6)).toBe(true);
  return rows.map(({ id, version }) => `${id} ${version}`).sort();
}

describe('a file that the store does not give', () => {
  it('is waited for, whatever the store says of it: no version is blamed for it', async () => {
    for (const [refusal, code] of [[notFound('no such blob'), 'unavailable'], [unavailable('the store is away'), 'unavailable']] as const) {
      const sessions = new Sessions(() => Promise.reject(refusal));
      const scored = scoreShadows({ plans: { at: async () => aPlan({ benchmark: aVersion(7) }) } as never, sessions, ledger: {} as LedgerStore }, { deployment: 'orders', model: 'm', featureSet: 's', shard: 0, predictions: [answered('a', 1, 'live')] }, {} as Transaction);
      await expect(scored).rejects.toMatchObject({ code, message: expect.stringContaining('Version 7') });
    }
  });
});

describe('what was answered', () => {
  it('is scored by every other version of the plan; the declared answer and what was scored beside by none', async () => {
    const plan = aPlan({ candidate: aVersion(2), stage: 'canary', benchmark: aVersion(7) });
    expect(await beside(plan, answered('a', 1, 'live'), answered('b', 2, 'canary'), answered('c', 0, 'fallback'), answered('a', 2, 'shadow'))).toEqual(['a 2', 'a 7', 'b 1', 'b 7']);
  });

  it('is scored by two versions that are the same file, each on record under its own number', async () => {
    const twin = { version: 2, digest: aVersion(1).digest };
    const plan = aPlan({ candidate: twin, stage: 'canary', benchmark: aVersion(7), kept: [{ version: 8, digest: aVersion(7).digest, until: 9 }] });
    expect(await beside(plan, answered('a', 1, 'live'), answered('b', 2, 'canary'))).toEqual(['a 2', 'a 7', 'a 8', 'b 1', 'b 7', 'b 8']);
  });
});
