import { invalid } from '@rhei/contracts';
import { ExpressionError, parseInstant } from '@rhei/expressions';
import type { Instant } from '@rhei/runtime';
import type { Feature, FeatureSet, RequestType } from './feature-set';

/** The request fields of one row: typed, timestamps in microseconds. */
export type Request = Record<string, string | number | boolean>;

const wanted: Record<RequestType, string> = {
  string: 'string', double: 'number', int: 'whole number', bool: 'true or false', timestamp: 'RFC 3339 timestamp, such as "2001-03-04T05:06:07Z"',
};

/**
 * Reads the fields that the set asks for; others are left alone. The same reading serves a caller's request and the data
 * of an example.
 * Errors: `invalid` that names the field, what was expected and what came.
 */
export function readRequest({ name, spec }: Pick<FeatureSet, 'name' | 'spec'>, fields: Record<string, unknown>): Request {
  const request: Request = {};
  for (const [field, type] of Object.entries(spec.request)) {
    const given = Object.hasOwn(fields, field) ? fields[field] : undefined;
    const value = read(type, given);
    if (value === undefined) {
      const got = given === undefined ? 'nothing' : JSON.stringify(given).slice(0, 100);
      throw invalid(`Feature set "${name}" asks for the request field "${field}" as a ${wanted[type]}; the request has ${got}.`, { field: `request.${field}`, expected: wanted[type], got });
    }
    request[field] = value;
  }
  return request;
}

function read(type: RequestType, value: unknown): string | number | boolean | undefined {
  switch (type) {
    case 'string': return typeof value === 'string' ? value : undefined;
    case 'bool': return typeof value === 'boolean' ? value : undefined;
    case 'double': return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
    case 'int': return Number.isSafeInteger(value) ? (value as number) : undefined;
    case 'timestamp': return typeof value === 'string' ? instantOf(value) : undefined;
  }
}

function instantOf(text: string): Instant | undefined {
  try {
    return parseInstant(text);
  } catch {
    return undefined;
  }
}

/** A number, or a truth value as 1 or 0; undefined for anything else. */
export function asNumber(value: unknown): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/**
 * What one feature takes from a request: its value, or the entity to look up.
 * Errors: `invalid` when the expression has no result for this request.
 */
export function fromRequest(set: Pick<FeatureSet, 'name'>, feature: Feature, request: Request): number | string {
  const expression = feature.kind === 'view' ? feature.entity : feature.value;
  const without = (got: string): never => {
    throw invalid(`Feature "${feature.name}" of "${set.name}" has no value for this request: ${got}`, { field: feature.name, expected: feature.kind === 'view' ? 'a string' : 'a number, true or false', got });
  };
  let result: unknown;
  try {
    result = expression.evaluate({ request });
  } catch (error) {
    if (error instanceof ExpressionError) return without(error.message);
    throw error;
  }
  if (feature.kind === 'view') return result as string;
  return asNumber(result) ?? without(`${expression.source} gives ${JSON.stringify(result)}.`);
}

/** The example's id and time, as far as the request tells them: an id that rests on the record's own id or time is known only later. */
export function exampleOf(set: FeatureSet, fields: Record<string, unknown>, request: Request): { example: string; exampleTime: Instant } {
  return {
    example: set.exampleId.references.every((path) => path.startsWith('data')) ? (valueOrNothing(() => set.exampleId.evaluate({ data: fields })) as string | undefined) ?? '' : '',
    exampleTime: (valueOrNothing(() => set.exampleTime?.evaluate({ request })) as Instant | undefined) ?? 0,
  };
}

function valueOrNothing(evaluate: () => unknown): unknown {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}
