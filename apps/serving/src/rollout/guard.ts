/** What a rollout is judged by. Rules only. */
import { compile, ExpressionError, parseDuration, type Duration, type Expression, type FieldType } from '@rhei/expressions';
import type { Stage } from '../deployment/deployment-spec';

/** What is known of a candidate at one instant. What cannot be said yet is absent. */
export interface Figures {
  stage: string;
  /** Questions that both versions scored since the rollout began. */
  rows: number;
  /** Questions that the candidate answered in this stage. */
  answered: number;
  /** Questions that the candidate could not score since the rollout began. */
  errors: number;
  /** Population stability index of the candidate's scores against the live version's, over ten quantile bins of the latter. */
  psi?: number;
  /** Rows whose label has matured. */
  labelled: number;
  logLoss: { candidate?: number; live?: number };
  /** Loss of the candidate less that of the live version on the same rows, and its 95 % interval over days once there are five. */
  difference: { mean?: number; low?: number; high?: number };
}

const variables: Record<string, FieldType> = {
  stage: 'string', rows: 'int', answered: 'int', errors: 'int', psi: 'double', labelled: 'int',
  logLoss: { candidate: 'double', live: 'double' }, difference: { mean: 'double', low: 'double', high: 'double' },
};
export const guardHint = `it may read ${Object.entries(variables).flatMap(([name, type]) => (typeof type === 'string' ? [name] : Object.keys(type).map((field) => `${name}.${field}`))).join(', ')}`;

/** @throws ExpressionError with the position of what is wrong */
export const compileGuard = (source: string): Expression => compile(source, { variables, returns: 'bool' });

/** Undefined: there is not enough evidence yet for an answer, such as an interval over days after the first few. */
function answerOf(source: string, figures: Figures): boolean | undefined {
  try {
    return compileGuard(source).evaluate({ ...figures }) === true;
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

export type Verdict = { verdict: 'back'; guard: string } | { verdict: 'advance' } | { verdict: 'hold'; reason: string } | { verdict: 'wait' };

/**
 * What becomes of a stage after `elapsed`. Without evidence a guard holds and an advance waits: nobody goes back, and nobody
 * goes on, because of nothing.
 */
export function judge(stage: Stage, figures: Figures, elapsed: Duration): Verdict {
  if (stage.guard !== undefined && answerOf(stage.guard, figures) === false) return { verdict: 'back', guard: stage.guard };
  if (elapsed < parseDuration(stage.for)) return { verdict: 'wait' };
  if (stage.advance !== undefined && answerOf(stage.advance, figures) !== true) return { verdict: 'hold', reason: `${stage.advance} does not hold yet` };
  return { verdict: 'advance' };
}
