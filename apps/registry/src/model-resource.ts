import { canonicalJson, ExpressionError } from '@rhei/expressions';
import type { ResourceKind, ResourceProblem } from '@rhei/runtime';
import type { Deps } from './deps';
import { comparison, compileGate, readable } from './gates';
import { modelSpec, type ModelSpec } from './model-spec';
import { applyModel } from './model.store';

export const modelResource: ResourceKind<Deps, ModelSpec> = {
  kind: 'Model',
  schema: modelSpec,
  check: async (_deps, { spec }) => problemsOf(spec),
  async applied(_deps, { name, spec, version }, tx) {
    await applyModel(tx, name, spec, version);
    await tx.emit('ModelApplied', name, { name, version, specJson: canonicalJson(spec) });
  },
};

/** What is wrong with the specification beyond its shape. */
export function problemsOf(spec: ModelSpec): ResourceProblem[] {
  const problems: ResourceProblem[] = [];
  if (spec.riskTier === 'high' && spec.approval !== 'required') {
    problems.push({ path: '/spec/approval', message: 'a model of risk tier "high" needs an approval', expected: 'required', got: spec.approval });
  }
  spec.gates.forEach(({ name, rule }, index) => {
    const taken = name === comparison || spec.gates.findIndex((gate) => gate.name === name) < index;
    if (taken) problems.push({ path: `/spec/gates/${index}/name`, message: 'two gates have this name', expected: 'a name of its own', got: name });
    const problem = ruleProblem(rule);
    if (problem) problems.push({ path: `/spec/gates/${index}/rule`, ...problem });
  });
  return problems;
}

function ruleProblem(rule: string): Omit<ResourceProblem, 'path'> | undefined {
  try {
    compileGate(rule);
    return undefined;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return {
      message: error.problem, expected: error.expected, got: error.got, offset: error.position?.offset ?? 0,
      hint: error.hint ?? readable,
    };
  }
}
