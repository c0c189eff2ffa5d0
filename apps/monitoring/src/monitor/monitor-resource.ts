import { ExpressionError } from '@rhei/expressions';
import type { Bundle, ResourceKind, ResourceProblem } from '@rhei/runtime';
import { findDeployment, findFeatureSet } from '../copies.store';
import type { Deps } from '../deps';
import { monitorSpec, type MonitorSpec } from './monitor-spec';
import { keepMonitor } from './monitor.store';
import { compilePolicy } from '../window/retraining';
import { startWindows } from '../window/start-windows';

export const monitorResource: ResourceKind<Deps, MonitorSpec> = {
  kind: 'Monitor',
  schema: monitorSpec,
  check: async (deps, { spec }, bundle) => [...policyProblems(spec), ...(await referenceProblems(deps, spec, bundle))],
  async applied(_deps, { name, spec }, tx) {
    await keepMonitor(tx, name, spec, tx.now);
    await startWindows(tx, spec.deployment);
  },
};

function policyProblems({ retrain, watch, slices }: MonitorSpec): ResourceProblem[] {
  const problems: ResourceProblem[] = Object.entries({ watch, slices }).flatMap(([list, names]) => {
    const twice = names.findIndex((name, index) => names.indexOf(name) < index);
    return twice < 0 ? [] : [{ path: `/spec/${list}/${twice}`, message: 'it stands there twice', expected: 'each name once', got: names[twice] }];
  });
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
const sliceable = ['int', 'string', 'bool'];

async function referenceProblems({ database }: Deps, spec: MonitorSpec, bundle: Bundle): Promise<ResourceProblem[]> {
  const declared = bundle.find('Deployment', spec.deployment);
  const featureSet = declared ? String(declared.featureSet) : (await findDeployment(database, spec.deployment))?.featureSet;
  if (featureSet === undefined) {
    return [{ path: '/spec/deployment', message: `there is no deployment "${spec.deployment}"`, expected: 'the name of a Deployment', got: spec.deployment, hint: 'Add the Deployment to the files that you apply, or apply it first.' }];
  }
  const bundled = bundle.find('FeatureSet', featureSet);
  const known = bundled ? undefined : await findFeatureSet(database, featureSet);
  const fields = (bundled ? (bundled.request ?? {}) : known?.request) as Record<string, unknown> | undefined;
  // An unknown feature set is the Deployment's own problem, and reported there.
  if (!fields) return [];
  const features = bundled ? namesIn(bundled.features) : (known?.features ?? []);
  return [
    ...spec.watch.flatMap((name, index) => {
      if (name.startsWith('missing.')) return missingProblems(name, `/spec/watch/${index}`, featureSet, Object.keys(fields), features);
      return name.startsWith('request.') ? fieldProblems(name, `/spec/watch/${index}`, featureSet, { fields, kinds: watchable, verb: 'watched', also: 'outcome, volume, loss, or ' }) : [];
    }),
    ...spec.slices.flatMap((name, index) => fieldProblems(name, `/spec/slices/${index}`, featureSet, { fields, kinds: sliceable, verb: 'sliced by', also: '' })),
  ];
}

function fieldProblems(name: string, path: string, featureSet: string, { fields, kinds, verb, also }: { fields: Record<string, unknown>; kinds: string[]; verb: string; also: string }): ResourceProblem[] {
  const field = name.slice('request.'.length);
  if (kinds.includes(String(fields[field]))) return [];
  return [{
    path, message: field in fields ? `a ${String(fields[field])} cannot be ${verb}` : `feature set "${featureSet}" has no request field "${field}"`,
    expected: `${also}one of ${Object.keys(fields).filter((key) => kinds.includes(String(fields[key]))).map((key) => `request.${key}`).join(', ') || 'no field'}`, got: name,
  }];
}

function missingProblems(name: string, path: string, featureSet: string, fields: string[], features: string[]): ResourceProblem[] {
  const known = [...new Set([...fields, ...features])];
  if (known.includes(name.slice('missing.'.length))) return [];
  return [{ path, message: `feature set "${featureSet}" has neither a request field nor a feature of this name`, expected: `one of ${known.map((one) => `missing.${one}`).join(', ')}`, got: name }];
}

const namesIn = (features: unknown): string[] => (Array.isArray(features) ? features.flatMap((one: unknown) => (typeof one === 'object' && one !== null && 'name' in one ? [String(one.name)] : [])) : []);
