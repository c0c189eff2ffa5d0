import { canonicalJson, ExpressionError } from '@rhei/expressions';
import type { ResourceKind, ResourceProblem } from '@rhei/runtime';
import { TabularError } from '@rhei/tabular';
import type { Deps } from './deps';
import { parametersOf } from './fit/boost';
import { findFeatureSet, knowsModel } from './known.store';
import { look } from './look-at-plan';
import { compileWhen, nextLook } from './plan';
import { fieldProblems } from './plan-fields';
import { planSpec, type PlanSpec } from './plan-spec';
import { applyPlan } from './plan.store';

/** `TrainingPlan`: how a model is trained, and when by itself. */
export const planResource: ResourceKind<Deps, PlanSpec> = {
  kind: 'TrainingPlan',
  schema: planSpec,
  async check({ database }, { spec }, bundle) {
    const problems: ResourceProblem[] = [];
    if (bundle.find('Model', spec.model) === undefined && !(await knowsModel(database, spec.model))) {
      problems.push({ path: '/spec/model', message: `there is no model "${spec.model}"`, expected: 'a model of this bundle or one that was applied', got: spec.model });
    }
    const set = bundle.find('FeatureSet', spec.featureSet) ?? (await findFeatureSet(database, spec.featureSet))?.spec;
    if (set === undefined) {
      problems.push({ path: '/spec/featureSet', message: `there is no feature set "${spec.featureSet}"`, expected: 'a feature set of this bundle or one that was applied', got: spec.featureSet });
    }
    return [...problems, ...engineProblems(spec), ...whenProblems(spec), ...(set === undefined ? [] : fieldProblems(spec, set))];
  },
  async applied(_deps, { name, spec, version }, tx) {
    await applyPlan(tx, name, spec, version);
    await tx.arm(look, name, nextLook(spec, tx.now));
    await tx.emit('TrainingPlanApplied', name, { name, version, specJson: canonicalJson(spec) });
  },
};

function engineProblems({ engine, seed }: PlanSpec): ResourceProblem[] {
  if ('seed' in engine) return [{ path: '/spec/engine/seed', message: 'the seed belongs to the whole plan', expected: 'the seed at /spec/seed', got: String(engine['seed']) }];
  try {
    parametersOf({ engine, seed });
    return [];
  } catch (error) {
    if (!(error instanceof TabularError)) throw error;
    return error.problems.map((message) => {
      const field = /"(\w+)"/.exec(message)?.[1];
      return { path: field !== undefined && field in engine ? `/spec/engine/${field}` : '/spec/engine', message };
    });
  }
}

function whenProblems({ when }: PlanSpec): ResourceProblem[] {
  try {
    compileWhen(when);
    return [];
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return [{
      path: '/spec/when', message: error.problem, expected: error.expected, got: error.got, offset: error.position?.offset ?? 0,
      hint: error.hint ?? 'A plan reads labels (mature ones), days (with full windows and mature labels) and versions (that were promoted).',
    }];
  }
}
