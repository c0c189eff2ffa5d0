/** Which questions a canary answers. Rules only. */
import { compile, ExpressionError, hashUnit, parseInstant, type Expression, type FieldType } from '@rhei/expressions';
import type { FeatureSet } from '../deployment/deployment.store';
import type { FieldValues } from '../prediction/request-fields';
import type { Division, Loaded } from './traffic';

/** @throws ExpressionError with the position of what is wrong */
export function compileKey(source: string, fields: Readonly<Record<string, FieldType>>): Expression {
  const compiled = compile(source, { variables: { request: fields } });
  if (['list', 'map'].some((type) => compiled.type.startsWith(type))) {
    throw new ExpressionError(source, { code: 'type', problem: 'the result has the wrong type', expected: 'a text, a number, true or false', got: compiled.type });
  }
  return compiled;
}

/** Compiled when the first question comes; a feature set may change while a canary is under way. */
const keys = new WeakMap<Division, { version: number; key: Expression }>();

/**
 * The version that answers a question: questions with one key are always answered by the same one, however often and on
 * whichever replica they are asked. Without a declared key, or where it has no value, the prediction's id is the key.
 */
export function answering(division: Division, featureSet: FeatureSet, id: string, request: FieldValues): Loaded {
  const { plan: { deployment, stage, share, rollout, step }, live, candidate } = division;
  if (candidate === undefined || stage !== 'canary') return live;
  const source = rollout[step]?.key;
  const key = source === undefined ? id : (keyOf(division, source, featureSet, request) ?? id);
  return hashUnit(`${deployment}/${candidate.version}`, 'canary', key) < share ? candidate : live;
}

function keyOf(division: Division, source: string, { version, request: fields }: FeatureSet, request: FieldValues): string | undefined {
  try {
    let known = keys.get(division);
    if (known?.version !== version) keys.set(division, (known = { version, key: compileKey(source, fields) }));
    const values = Object.fromEntries(Object.entries(request).map(([name, value]) => [name, fields[name] === 'timestamp' ? parseInstant(String(value)) : value]));
    return String(known.key.evaluate({ request: values }));
  } catch (error) {
    // The feature set has changed so that the key has no value: the question is answered all the same.
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}
