import { EvaluationError, ParseError, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import { RENAMED } from './environment';
import { ExpressionError, positionAt, type ExpressionErrorCode, type ExpressionProblem } from './expression-error';
import { isListOfRecords, type FieldType, type RecordType } from './types';
import { ValueProblem } from './values';

type Variables = Readonly<Record<string, FieldType>>;

/** Translates what the library throws into an error of ours; what is neither the library's nor about values is returned as it is. */
export function explain(error: unknown, source: string, variables: Variables): unknown {
  if (error instanceof ExpressionError) return error;
  if (error instanceof ValueProblem) {
    return new ExpressionError(source, { code: 'value', problem: `${error.path ?? 'the result'} has the wrong type`, expected: error.expected, got: error.got });
  }
  if (error instanceof RangeError) return new ExpressionError(source, { code: 'limit', problem: `the evaluation takes too much memory (${error.message})` });
  if (!(error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError)) return error;
  const summary = readable(error.summary.split('\n')[0]);
  const problem = error instanceof EvaluationError ? atRunTime(error.code, summary) : atCompileTime(error, summary, variables);
  return new ExpressionError(source, { ...problem, position: error.range && positionAt(source, error.range.start) });
}

const readable = (summary: string): string =>
  Object.entries(RENAMED).reduce((text, [name, renamed]) => text.replaceAll(renamed, name), summary)
    .replace(/record [\w.]+/g, 'a record').replace(/\bdyn<(\w+)>/g, '$1').replace('Unexpected token: EOF', 'it ends too early');

const NUMBER = /^(int|double)$/;

function atCompileTime(error: ParseError | CelTypeError, summary: string, variables: Variables): ExpressionProblem {
  if (error.code === 'limit_exceeded') return { code: 'limit', problem: lower(summary), hint: 'Split the expression.' };
  if (error instanceof ParseError) return { code: 'syntax', problem: lower(summary), hint: syntaxHint(summary) };
  switch (error.code) {
    case 'unknown_variable':
      return { code: 'unknown', problem: lower(summary), expected: oneOf(Object.keys(variables)), hint: 'A text needs quotes.' };
    case 'no_such_key': {
      const field = summary.replace('No such key: ', '');
      return { code: 'unknown', problem: `there is no field "${field}"`, expected: oneOf(fieldsBefore(error, variables)) };
    }
    case 'no_such_overload': {
      const [, left, operator, right] = /^no such overload: (\S.*?) ([-+*/%<>=!in]+) (\S.*)$/.exec(summary) ?? [];
      if (operator === undefined) return { code: 'type', problem: summary };
      return { code: 'type', problem: `"${operator}" does not take ${left} and ${right}`, expected: 'two values that fit', got: `${left} ${operator} ${right}`, hint: operatorHint(left, operator, right) };
    }
    case 'invalid_condition_type':
    case 'invalid_logical_operand':
      return { code: 'type', problem: lower(summary.replace(/, got .*/, '')), expected: 'bool', got: /got '(.*)'/.exec(summary)?.[1] };
    case 'no_matching_overload':
      return { code: 'type', problem: summary, hint: callHint(summary) };
    default:
      return { code: 'type', problem: lower(summary) };
  }
}

function atRunTime(code: string, summary: string): ExpressionProblem {
  const kind: ExpressionErrorCode = code === 'limit_exceeded' ? 'limit' : code === 'no_such_key' || code === 'unknown_variable' ? 'missing' : 'value';
  if (code === 'no_such_key') return { code: kind, problem: `there is no value for "${summary.replace('No such key: ', '')}"`, hint: 'Ask has(…) before reading what may be missing.' };
  return { code: kind, problem: lower(summary), hint: code === 'no_such_overload' && / null|null /.test(summary) ? 'Compare with null before computing with what may be null.' : undefined };
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
const oneOf = (names: readonly string[]): string => (names.length === 0 ? 'no variable' : `one of ${names.join(', ')}`);

/** The fields that were declared for the object whose field does not exist. */
function fieldsBefore(error: CelTypeError, variables: Variables): string[] {
  const names: string[] = [];
  type Access = { op: string; args: unknown } | undefined;
  for (let node = (error.node as { args?: unknown[] } | undefined)?.args?.[0] as Access; node; ) {
    if (node.op === 'id') names.unshift(node.args as string);
    else if (node.op === '.') names.unshift((node.args as [unknown, string])[1]);
    node = node.op === '.' ? (node.args as Access[])[0] : undefined;
  }
  // What is no variable stands for the items of a list.
  const roots = Object.hasOwn(variables, names[0]) ? [variables[names[0]]] : Object.values(variables).filter(isListOfRecords).map(([item]) => item);
  const types = names.slice(1).reduce<(FieldType | undefined)[]>((owners, name) => owners.map((owner) => (isRecord(owner) ? owner[name] : undefined)), roots);
  return types.filter(isRecord).flatMap((type) => Object.keys(type));
}

const isRecord = (type: FieldType | undefined): type is RecordType => typeof type === 'object' && !isListOfRecords(type);

function syntaxHint(summary: string): string | undefined {
  if (/character: '?=/.test(summary)) return 'Equality is ==.';
  if (/character: '?&/.test(summary)) return 'And is &&.';
  if (/character: '?\|/.test(summary)) return 'Or is ||.';
  return undefined;
}

function operatorHint(left: string, operator: string, right: string): string | undefined {
  if (operator === '+' && (left === 'string' || right === 'string')) return 'Turn the other side into a text with string(…).';
  if (operator === '%' && NUMBER.test(left) && NUMBER.test(right)) return 'The remainder is for whole numbers: write int(…) % int(…).';
  if ((left === 'timestamp' && NUMBER.test(right)) || (right === 'timestamp' && NUMBER.test(left))) return 'Lengths of time are written duration("6h").';
  if (left === 'null' || right === 'null') return 'A declared field is never null: ask has(…).';
  return undefined;
}

function callHint(summary: string): string | undefined {
  if (/timestamp\.get\w+\(string/.test(summary)) return 'Timestamps are read in UTC; add or subtract a duration for another offset.';
  if (/'\w+\.(hour|weekday|day|month|year)\(/.test(summary)) return 'Write getHours(), getDayOfWeek() (0 is Sunday), getMonth() (0 is January).';
  return undefined;
}
