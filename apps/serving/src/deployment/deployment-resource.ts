import { compile, ExpressionError, type FieldType } from '@rhei/expressions';
import type { Bundle, ResourceKind, ResourceProblem } from '@rhei/runtime';
import type { Deps } from '../deps';
import type { RequestFields } from '../prediction/request-fields';
import { compileGuard, guardHint } from '../rollout/guard';
import { compileKey } from '../traffic/canary';
import { deploymentSpec, type DeploymentSpec, type Stage } from './deployment-spec';

/** `Deployment`: which model answers under this name, from which features, and how a new version of it comes to answer. */
export const deploymentResource: ResourceKind<Deps, DeploymentSpec> = {
  kind: 'Deployment',
  schema: deploymentSpec,
  async check({ deployments }, { spec }, bundle) {
    const problems: ResourceProblem[] = [];
    const model = bundle.find('Model', spec.model) !== undefined || (await deployments.knowsModel(spec.model));
    if (!model) problems.push({ path: '/spec/model', message: `there is no model "${spec.model}"`, expected: 'a model of this bundle or one that was applied', got: spec.model });
    const fields = requestIn(bundle, spec.featureSet) ?? (await deployments.requestOf(spec.featureSet));
    if (fields === undefined) problems.push({ path: '/spec/featureSet', message: `there is no feature set "${spec.featureSet}"`, expected: 'a feature set of this bundle or one that was applied', got: spec.featureSet });
    return [...problems, ...(spec.rollout ?? []).flatMap((stage, index, all) => stageProblems(stage, `/spec/rollout/${index}`, index === all.length - 1, fields))];
  },
  async applied({ deployments }, { name, spec, version }, tx) {
    await deployments.save(tx, { name, version, ...spec });
    await tx.emit('DeploymentApplied', name, { name, version, specJson: JSON.stringify(spec) });
  },
};

function requestIn(bundle: Bundle, featureSet: string): RequestFields | undefined {
  const found = bundle.find('FeatureSet', featureSet);
  return found && ((found.request ?? {}) as RequestFields);
}

function stageProblems(stage: Stage, path: string, isLast: boolean, fields: Record<string, FieldType> | undefined): ResourceProblem[] {
  const problems: ResourceProblem[] = [];
  const { stage: name, share, key, guard, advance } = stage;
  if (name === 'live' && !isLast) problems.push({ path: `${path}/stage`, message: 'a live stage stands before another stage', expected: 'at most one, at the end', got: 'live' });
  if (name === 'live' && advance !== undefined) problems.push({ path: `${path}/advance`, message: 'nothing comes after the live stage', expected: 'no advance', got: advance, hint: 'its guard is watched for as long as "for" says' });
  if (name === 'canary' && share === undefined) problems.push({ path: `${path}/share`, message: 'a canary needs a share', expected: 'a number between 0 and 1, such as 0.1', got: 'nothing' });
  for (const [field, value] of Object.entries({ share, key })) {
    if (name !== 'canary' && value !== undefined) problems.push({ path: `${path}/${field}`, message: `only a canary has a ${field}`, expected: `no ${field}`, got: String(value) });
  }
  for (const [field, source] of Object.entries({ guard, advance })) if (source !== undefined) problems.push(...problemsOf(`${path}/${field}`, guardHint, () => compileGuard(source)));
  // Without its feature set, which is a problem of its own, nobody knows what a key may read.
  if (key !== undefined && fields !== undefined) problems.push(...problemsOf(`${path}/key`, 'it may read the request fields of the feature set, such as request.customer', () => compileKey(key, fields)));
  return problems;
}

function problemsOf(path: string, hint: string, compileIt: () => ReturnType<typeof compile>): ResourceProblem[] {
  try {
    compileIt();
    return [];
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return [{ path, message: error.problem, expected: error.expected, got: error.got, hint: error.hint ?? hint, offset: error.position?.offset ?? 0 }];
  }
}
