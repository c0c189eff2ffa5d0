import { aDeployment, aDivision, aPlan, aVersion } from '../../spec/builders';
import { Catalogue } from '../deployment/catalogue';
import { modelInfo } from './model-info';
import { Traffic } from './traffic';

describe('the models of a deployment, in metrics', () => {
  it('are those that answer or score on this replica, each once with its role', () => {
    const [catalogue, traffic] = [new Catalogue(), new Traffic()];
    catalogue.learn([aDeployment({ name: 'renewals', model: 'churn' }), aDeployment({ name: 'offers', model: 'churn' }), aDeployment({ name: 'fraud', model: 'other' })], []);
    expect(modelInfo({ catalogue, traffic })).toEqual([]);
    traffic.switchTo(aDivision(aPlan({ deployment: 'renewals', model: 'churn' })));
    traffic.switchTo(aDivision(aPlan({ deployment: 'renewals', model: 'churn', revision: 3_000, live: aVersion(2), candidate: aVersion(3), stage: 'canary', share: 0.1, kept: [{ ...aVersion(1), until: 9 }], benchmark: aVersion(1) })));
    traffic.switchTo(aDivision(aPlan({ deployment: 'fraud', model: 'the one before' })));
    expect(modelInfo({ catalogue, traffic })).toEqual([['2', 'live'], ['3', 'canary'], ['1', 'shadow']].map(([version, role]) => ({
      name: 'rhei_serving_model_info', help: expect.any(String), labels: { deployment: 'renewals', model: 'churn', version, digest: `d${version}`, role }, value: 1,
    })));
  });
});
