import { ExpressionError } from '@rhei/expressions';
import type { Bundle, ResourceKind, ResourceProblem } from '@rhei/runtime';
import { findDeployment, findFeatureSet } from './copies.store';
import type { Deps } from './deps';
import { monitorSpec, type MonitorSpec } from './monitor-spec';
import { keepMonitor } from './monitor.store';
import { compilePolicy } from './retraining';
import { startWindows } from './start-windows';

export const monitorResource: ResourceKind<Deps, MonitorSpec> = {
  kind: 'Monitor',
  schema: monitorSpec,
  check: async (deps, { spec }, bundle) => [...policyProblems(spec), ...(await referenceProblems(deps, spec, bundle))],
  async applied(_deps, { name, spec }, tx) {
    await keepMonitor(tx, name, spec, tx.now);
    await startWindows(tx, spec.deployment);
  },
};

function policyProblems({ retrain, watch }: MonitorSpec): ResourceProblem[] {
  const twice = watch.findIndex((name, index) => watch.indexOf(name) < index);
  const problems: ResourceProblem[] = twice < 0 ? [] : [{ path: `/spec/watch/${twice}`, message: 'it is watched twice', expected: 'each name once', got: watch[twice] }];
  try {
    if (retrain) compilePolicy(retrain.when);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    problems.push({
      path: '/spec/retrain/when', message: error.problem, expected: error.expected, got: error.got, offset: error.position?.offset ?? 0,
      hint: error.hint ?? 'A policy reads alarms (of the window that closes) and labels (mature since the last training), such as "alarms > 0".',
    });
  }
  return problems;
}

const watchable = ['double', 'int', 'string', 'bool'];

async function referenceProblems({ database }: Deps, spec: MonitorSpec, bundle: Bundle): Promise<ResourceProblem[]> {
  const declared = bundle.find('Deployment', spec.deployment);
  const featureSet = declared ? String(declared.featureSet) : (await findDeployment(database, spec.deployment))?.featureSet;
  if (featureSet === undefined) {
    return [{ path: '/spec/deployment', message: `there is no deployment "${spec.deployment}"`, expected: 'the name of a Deployment', got: spec.deployment, hint: 'Add the Deployment to the files that you apply, or apply it first.' }];
  }
  const fields = (bundle.find('FeatureSet', featureSet)?.request ?? (await findFeatureSet(database, featureSet))?.request) as Record<string, unknown> | undefined;
  // An unknown feature set is the Deployment's own problem, and reported there.
  if (!fields) return [];
  return spec.watch.flatMap((name, index) => {
    const field = name === 'outcome' ? undefined : name.slice('request.'.length);
    if (field === undefined || watchable.includes(String(fields[field]))) return [];
    return [{
      path: `/spec/watch/${index}`, message: field in fields ? `a ${String(fields[field])} cannot be watched` : `feature set "${featureSet}" has no request field "${field}"`,
      expected: `outcome, or one of ${Object.keys(fields).filter((key) => watchable.includes(String(fields[key]))).map((key) => `request.${key}`).join(', ') || 'no field'}`, got: name,
    }];
  });
}
