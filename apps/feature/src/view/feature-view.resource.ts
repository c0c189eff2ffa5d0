import { conflict } from '@rhei/contracts';
import { canonicalJson, compile } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { Bundle, ResourceKind, ResourceProblem } from '@rhei/runtime';
import { addDefinition, readDefinitions, type Definitions } from '../definitions.store';
import type { Deps } from '../deps';
import { contractOf, expressionProblem, itemProblem, numberProblem } from '../record/expression-problems';
import { aggregateOf, compileView, definitionOf, featureViewSpec, recordVariables, type FeatureViewSpec } from './feature-view';

export const featureViewResource: ResourceKind<Deps, FeatureViewSpec> = {
  kind: 'FeatureView',
  schema: featureViewSpec,
  async check({ database, definitions }, { name, spec }, bundle) {
    const known = await definitions.read(database);
    return [...viewProblems(spec, known, bundle), ...await changeProblems(database, known, name, spec)];
  },
  async applied(_deps, { name, spec, version }, tx) {
    // Checked again under the transaction: records may have come since the check.
    const [problem] = await changeProblems(tx, await readDefinitions(tx), name, spec);
    if (problem) throw conflict(`FeatureView "${name}": ${problem.message}. ${problem.hint}`, { field: problem.path, expected: problem.expected, got: problem.got });
    await addDefinition(tx, 'FeatureView', name, version, spec, tx.now);
  },
};

/** What is wrong with the view beyond its shape. */
export function viewProblems(spec: FeatureViewSpec, known: Pick<Definitions, 'sources'>, bundle: Bundle): ResourceProblem[] {
  const contract = contractOf(spec, '/spec', known, bundle);
  if ('problems' in contract) return contract.problems;
  const problems: (ResourceProblem | undefined)[] = [];
  const variables = recordVariables(contract.data);
  if (spec.filter !== undefined) problems.push(expressionProblem('/spec/filter', () => compile(spec.filter!, { variables, returns: 'bool' })));
  problems.push(expressionProblem('/spec/key', () => compile(spec.key, { variables, returns: 'string' })));
  const { aggregate } = aggregateOf(spec);
  if (aggregate === 'count') {
    if (spec.value !== undefined) problems.push({ path: '/spec/value', message: 'a count takes no value', expected: 'no value', got: spec.value, hint: 'Write a condition as the filter.' });
  } else if (spec.value === undefined) {
    problems.push({ path: '/spec/value', message: `${aggregate} needs a value`, expected: 'a CEL expression that gives a number, true or false', got: 'nothing' });
  } else {
    problems.push((aggregate === 'distinct' ? itemProblem : numberProblem)('/spec/value', spec.value, variables));
  }
  if (aggregate !== 'ratio' && spec.per !== undefined) {
    problems.push({ path: '/spec/per', message: `${aggregate} divides by nothing`, expected: 'no per', got: spec.per, hint: 'A ratio divides the sum of values by the sum of per.' });
  } else if (aggregate === 'ratio') {
    problems.push(spec.per === undefined
      ? { path: '/spec/per', message: 'ratio needs what it divides by', expected: 'a CEL expression that gives a number, true or false', got: 'nothing' }
      : numberProblem('/spec/per', spec.per, variables));
  }
  // Data is read without the contract's types: what compiles with them must compile without.
  if (!problems.some(Boolean)) problems.push(expressionProblem('/spec', () => compileView('', 0, spec, [])));
  return problems.filter((problem) => problem !== undefined);
}

/** A view that has data keeps its definition: its rows would else mean one thing before and another after. */
async function changeProblems(queryable: Queryable, known: Definitions, name: string, spec: FeatureViewSpec): Promise<ResourceProblem[]> {
  const current = known.views.get(name);
  if (current === undefined) return [];
  const [before, after] = [definitionOf(current.spec) as Record<string, unknown>, definitionOf(spec) as Record<string, unknown>];
  const show = (value: unknown): string => (value === undefined ? 'nothing' : canonicalJson(value));
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((field) => show(before[field]) !== show(after[field]));
  if (changed.length === 0 || (await queryable.query('SELECT FROM view_entity WHERE view = $1 LIMIT 1', [name])).length === 0) return [];
  return changed.map((field) => ({
    path: `/spec/${field}`, message: `the view has data, so its ${field} stays as it is`, expected: show(before[field]), got: show(after[field]),
    hint: 'Give the changed view a name of its own; only ttl and owner may change.',
  }));
}
