import { conflict } from '@rhei/contracts';
import { canonicalJson, compile } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Bundle, ResourceKind, ResourceProblem } from '@rhei/runtime';
import { addDefinition, readDefinitions, type Definitions } from '../definitions.store';
import type { Deps } from '../deps';
import { contractOf, expressionProblem, numberProblem } from '../record/expression-problems';
import { recordVariables } from '../view/feature-view';
import { compileSet, definitionOf, featureSetSpec, isViewFeature, requestVariables, viewsOf, type FeatureSetSpec } from './feature-set';

export const featureSetResource: ResourceKind<Deps, FeatureSetSpec> = {
  kind: 'FeatureSet',
  schema: featureSetSpec,
  async check({ database, definitions }, { name, spec }, bundle) {
    const known = await definitions.read(database);
    return [...setProblems(spec, known, bundle), ...await changeProblems(database, known, name, spec)];
  },
  async applied(_deps, { name, spec, version }, tx) {
    const known = await readDefinitions(tx);
    const [problem] = await changeProblems(tx, known, name, spec);
    if (problem) throw conflict(`FeatureSet "${name}": ${problem.message}. ${problem.hint}`, { field: problem.path, expected: problem.expected, got: problem.got });
    const missing = viewsOf(spec).find((view) => !known.views.has(view));
    if (missing !== undefined) throw conflict(`FeatureSet "${name}" reads the view "${missing}", which is not applied yet. Apply the FeatureView first.`);
    await addDefinition(tx, 'FeatureSet', name, version, spec, tx.now);
    await tx.emit('FeatureSetApplied', name, {
      name, version, specJson: canonicalJson(spec), features: spec.features.map((feature) => feature.name),
      longestWindow: Math.max(0, ...viewsOf(spec).map((view) => known.views.get(view)!.window.length ?? 0)),
    });
  },
};

/** What is wrong with the set beyond its shape. */
export function setProblems(spec: FeatureSetSpec, known: Pick<Definitions, 'sources' | 'views'>, bundle: Bundle): ResourceProblem[] {
  const problems: (ResourceProblem | undefined)[] = [...nameProblems('/spec/features', spec.features.map(({ name }) => name), '/name'), ...nameProblems('/spec/request', Object.keys(spec.request))];
  const request = requestVariables(spec.request);

  const example = contractOf(spec.example, '/spec/example', known, bundle);
  if ('problems' in example) problems.push(...example.problems);
  else {
    problems.push(expressionProblem('/spec/example/id', () => compile(spec.example.id, { variables: recordVariables(example.data), returns: 'string' })), ...requestProblems(spec, example.data));
  }
  if (spec.example.time !== undefined) problems.push(expressionProblem('/spec/example/time', () => compile(spec.example.time!, { variables: request, returns: 'timestamp' })));

  spec.features.forEach((feature, index) => {
    const path = `/spec/features/${index}`;
    if (!isViewFeature(feature)) return problems.push(numberProblem(`${path}/value`, feature.value, request));
    if (!known.views.has(feature.view) && bundle.find('FeatureView', feature.view) === undefined) {
      problems.push({ path: `${path}/view`, message: `there is no view "${feature.view}"`, expected: known.views.size > 0 ? `one of ${[...known.views.keys()].join(', ')}, or a FeatureView in the same bundle` : 'a FeatureView in the same bundle', got: feature.view });
    }
    return problems.push(expressionProblem(`${path}/entity`, () => compile(feature.entity, { variables: request, returns: 'string' })));
  });

  const label = contractOf(spec.label, '/spec/label', known, bundle);
  if ('problems' in label) problems.push(...label.problems);
  else {
    const variables = recordVariables(label.data);
    problems.push(expressionProblem('/spec/label/example', () => compile(spec.label.example, { variables, returns: 'string' })), numberProblem('/spec/label/value', spec.label.value, variables));
  }
  // Data is read without the contract's types: what compiles with them must compile without.
  if (!problems.some(Boolean)) problems.push(expressionProblem('/spec', () => compileSet('', 0, spec)));
  return problems.filter((problem) => problem !== undefined);
}

function nameProblems(path: string, names: string[], below = ''): ResourceProblem[] {
  const lower = names.map((name) => name.toLowerCase());
  return names.flatMap((name, index) => (lower.indexOf(lower[index]) === index ? [] : [{
    path: below === '' ? `${path}/${name}` : `${path}/${index}${below}`, message: 'the name is taken', expected: 'a name that differs from the others by more than capitals', got: name,
  }]));
}

/** A field that the example's event cannot hold would leave every example out of the training set. */
function requestProblems({ request, example: { event } }: FeatureSetSpec, data: unknown): ResourceProblem[] {
  if (typeof data !== 'object' || data === null) return [];
  return Object.keys(request).filter((field) => !Object.hasOwn(data, field)).map((field) => ({
    path: `/spec/request/${field}`, message: `the example's event "${event}" has no field "${field}"`, expected: `one of ${Object.keys(data).join(', ')}`, got: field,
  }));
}

/** A set that has examples keeps what makes an example and a label: they are kept by it. */
async function changeProblems(queryable: Queryable, known: Definitions, name: string, spec: FeatureSetSpec): Promise<ResourceProblem[]> {
  const current = known.sets.get(name);
  if (current === undefined) return [];
  const [before, after] = [definitionOf(current.spec), definitionOf(spec)];
  const changed = (['example', 'label'] as const).filter((part) => canonicalJson(before[part]) !== canonicalJson(after[part]));
  if (changed.length === 0 || (await queryable.query('SELECT FROM example WHERE feature_set = $1 LIMIT 1', [name])).length === 0) return [];
  return changed.map((part) => ({
    path: `/spec/${part}`, message: `the set has examples, so its ${part} stays as it is`, expected: canonicalJson(before[part]), got: canonicalJson(after[part]),
    hint: 'Give the changed set a name of its own; request, features and owner may change.',
  }));
}
