import type { ResourceKind, ResourceProblem } from '@rhei/runtime';
import { z } from 'zod';
import type { Deps } from '../deps';

const schema = z.strictObject({
  model: z.string(),
  featureSet: z.string(),
  /** `sync`: an answer is given after its ledger row is durable. */
  ledger: z.enum(['sync']).default('sync'),
});
export type DeploymentSpec = z.output<typeof schema>;

/** `Deployment`: which model answers under this name, and from which features. */
export const deploymentResource: ResourceKind<Deps, DeploymentSpec> = {
  kind: 'Deployment',
  schema,
  async check({ deployments }, { spec }, bundle) {
    const problems: ResourceProblem[] = [];
    const model = bundle.find('Model', spec.model) !== undefined || (await deployments.knowsModel(spec.model));
    if (!model) problems.push({ path: '/spec/model', message: `there is no model "${spec.model}"`, expected: 'a model of this bundle or one that was applied', got: spec.model });
    const set = bundle.find('FeatureSet', spec.featureSet) !== undefined || (await deployments.knowsFeatureSet(spec.featureSet));
    if (!set) problems.push({ path: '/spec/featureSet', message: `there is no feature set "${spec.featureSet}"`, expected: 'a feature set of this bundle or one that was applied', got: spec.featureSet });
    return problems;
  },
  async applied({ deployments }, { name, spec, version }, tx) {
    await deployments.save(tx, { name, version, ...spec });
    await tx.emit('DeploymentApplied', name, { name, version, specJson: JSON.stringify(spec) });
  },
};
