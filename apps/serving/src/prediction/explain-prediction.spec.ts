import { feature } from '@rhei/contracts';
import { DAY, HOUR, MINUTE, parseInstant, SECOND } from '@rhei/expressions';
import { explainPrediction, readable } from './explain-prediction';
import type { LedgerStore } from './ledger.store';

describe('the explanation of a prediction', () => {
  it('tells the question, each value with its age or why there is none, and the version', async () => {
    const value = (name: string, freshness: feature.Freshness, age = 0, number?: number) => ({ name, freshness, age, eventTime: 0, value: number });
    const ledger = { find: async () => [{
      id: 'p1', version: 3, model: 'm', deployment: 'd', digest: 'abc', example: 'e1', asOf: parseInstant('2001-02-01T00:00:00Z'), request: { shop: 'a' }, outputs: { probability: 0.25 }, traceparent: 't1',
      features: [value('hour', 4, 0, 17), value('rate', 1, 3 * DAY + 4 * HOUR, 0.2), value('stale', 2, 20 * DAY), value('unseen', 3)],
    }] } as unknown as LedgerStore;
    expect(await explainPrediction({ ledger }, 'p1')).toEqual({
      title: 'Prediction p1: probability 0.2500 from m/3, as of 2001-02-01T00:00:00Z',
      lines: [
        'asked of deployment d, about example e1: {"shop":"a"}', 'hour = 17', 'rate = 0.2, 3d 4h old', 'stale = nothing: the last value was 20d old, which is more than its view allows',
        'unseen = nothing: never seen', 'model file abc',
      ],
      causes: [{ service: 'registry', kind: 'version', id: 'm/3' }], traceparents: ['t1'],
    });
  });

  it('tells of the declared answer why no model was asked', async () => {
    const ledger = { find: async () => [{ id: 'p1', version: 0, role: 'fallback', model: 'm', deployment: 'd', digest: '', example: '', asOf: 0, request: { shop: 'a' }, outputs: { probability: 0.2 }, traceparent: '', features: [], reason: 'NO_FEATURES' }] } as unknown as LedgerStore;
    expect(await explainPrediction({ ledger }, 'p1')).toMatchObject({ title: 'Prediction p1: probability 0.2000 as declared by deployment d, as of 1970-01-01T00:00:00Z', lines: [expect.any(String), 'no model was asked, because of NO_FEATURES'], causes: [] });
  });

  it('writes an age in its two largest units', () => {
    expect([3 * DAY + 4 * HOUR + 5 * MINUTE, 4_623 * MINUTE, DAY, 90 * MINUTE, 61 * SECOND + 5, 1_500, 0].map(readable)).toEqual(['3d 4h', '3d 5h', '1d', '1h 30m', '1m 1s', '1500us', '0s']);
  });

  it('is not there for a prediction that was never made', async () => {
    expect(await explainPrediction({ ledger: { find: async () => [] } as unknown as LedgerStore }, 'p')).toBeUndefined();
  });
});
