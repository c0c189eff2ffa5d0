import type { feature } from '@rhei/contracts';
import type { Call } from '@rhei/runtime';
import { aRow } from '../../spec/builders';
import type { ModelSession } from '../traffic/model-session';
import { Sessions } from '../traffic/sessions';
import type { LedgerRow, LedgerStore } from './ledger.store';
import { replayPrediction } from './replay-prediction';

const x = (value: number): feature.FeatureValue => ({ name: 'x', value, eventTime: 0, age: 0, freshness: 1 });

/** Replays a row where feature gives x = 2 by version 3 of the set, and x = 9 by any other one. */
async function replayed(row: LedgerRow) {
  const asked: feature.GetFeaturesRequest[] = [];
  const features = {
    getFeatures(request: feature.GetFeaturesRequest, _metadata: unknown, _options: unknown, answer: (error: unknown, response: unknown) => void) {
      asked.push(request);
      setImmediate(() => answer(null, { featureSet: 's', version: request.version, vectors: [{ example: '', exampleTime: 0, features: [x(request.version === 3 ? 2 : 9)] }] }));
      return { cancel: () => undefined };
    },
  };
  const sessions = new Sessions(async () => ({ features: ['x'], score: async (input: Float32Array) => input.map((value) => value / 4), release: async () => undefined }) as unknown as ModelSession);
  const ledger = { all: async () => [row] } as unknown as LedgerStore;
  const caller = { remaining: () => 5_000, signal: new AbortController().signal } as Call;
  return { ...await replayPrediction({ ledger, sessions, features: features as never }, { id: row.id, version: 0 }, caller), asked };
}

describe('a prediction that is replayed', () => {
  it('has its features compared with what the version of the set that gave them gives as of then, whatever the set says by now', async () => {
    const { asked, ...told } = await replayed(aRow('a', { features: [x(2)], featureSetVersion: 3, asOf: 7 }));
    expect(asked).toMatchObject([{ featureSet: 's', version: 3, asOf: 7 }]);
    expect(told).toMatchObject({ equal: true, featuresEqual: true, differences: [], notCompared: '' });
  });

  it('of before that version was kept is compared with the newest one', async () => {
    const { asked, ...told } = await replayed(aRow('a', { features: [x(2)], featureSetVersion: 0, asOf: 7 }));
    expect(asked).toMatchObject([{ version: 0 }]);
    expect(told).toMatchObject({ featuresEqual: false, differences: [{ name: 'x', recorded: 2, now: 9 }] });
  });
});
