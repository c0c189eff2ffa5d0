import type { serving } from '@rhei/contracts';
import type { Database, Transaction } from '@rhei/runtime';
import { aRow } from '../../spec/builders';
import { LedgerStore, type LedgerRow } from './ledger.store';

/** What is said of rows that all are new, as `<model> <feature set>: <ids>`. */
async function saidOf(rows: LedgerRow[]): Promise<string[]> {
  const said: string[] = [];
  const tx = {
    query: async () => rows.map(({ id, version, role }) => ({ id, version, role })),
    emit: async (_name: string, _key: number, { model, featureSet, predictions }: serving.PredictionServed) => void said.push(`${model} ${featureSet}: ${predictions.map(({ id }) => id).join(' ')}`),
  } as unknown as Transaction;
  await new LedgerStore({} as Database).append(tx, rows);
  return said;
}

describe('what the ledger says of one commit', () => {
  it('tells nobody of a named version or a failure', async () => {
    expect(await saidOf([aRow('a', { role: 'named' }), aRow('b', { role: 'failed', outputs: {} })])).toEqual([]);
  });

  it('tells rows under their own model and feature set, also where the deployment was given others between two answers', async () => {
    const rows = [aRow('a'), aRow('a', { version: 2, role: 'shadow' }), aRow('a', { version: 3, model: 'other', role: 'shadow' }), aRow('a', { version: 4, featureSet: 'wider', role: 'shadow' })];
    expect(await saidOf(rows)).toEqual(['m s: a a', 'other s: a', 'm wider: a']);
  });
});
