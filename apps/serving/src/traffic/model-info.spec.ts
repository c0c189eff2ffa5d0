import { Catalogue } from '../deployment/catalogue';
import { modelInfo } from './model-info';
import type { ModelSession } from './model-session';
import { Traffic } from './traffic';

describe('the model of a deployment, in metrics', () => {
  const champion = (version: number) => ({ model: 'churn', version, digest: `d${version}`, revision: version, replaces: version - 1, promotedAt: 0, session: {} as ModelSession });
  const deployment = (name: string, model: string) => ({ name, version: 1, model, featureSet: 'set', ledger: 'sync' });

  it('is the one that answers on this replica, for each deployment', () => {
    const [catalogue, traffic] = [new Catalogue(), new Traffic()];
    catalogue.learn([deployment('renewals', 'churn'), deployment('offers', 'churn'), deployment('fraud', 'other')], []);
    expect(modelInfo({ catalogue, traffic })).toEqual([]);
    traffic.switchTo(champion(1));
    traffic.switchTo(champion(2));
    expect(modelInfo({ catalogue, traffic })).toEqual(['renewals', 'offers'].map((name) => ({
      name: 'rhei_serving_model_info', help: expect.any(String), labels: { deployment: name, model: 'churn', version: '2', digest: 'd2' }, value: 1,
    })));
  });
});
