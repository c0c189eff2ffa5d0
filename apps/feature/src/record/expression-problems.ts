import { compile, dataTypeOf, ExpressionError, type Expression, type FieldType } from '@rhei/expressions';
import type { Bundle, ResourceProblem } from '@rhei/runtime';
import type { Definitions } from '../definitions.store';
import type { SourceSpec } from './contract';

/** What the compiler says against an expression, at its place in the resource. */
export function expressionProblem(path: string, compileIt: () => unknown): ResourceProblem | undefined {
  try {
    compileIt();
    return undefined;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { path, message: error.problem, expected: error.expected, got: error.got, hint: error.hint, offset: error.position?.offset ?? 0 };
  }
}

const numbers = ['bool', 'int', 'double', 'dyn'];

const resultProblem = (types: readonly string[], expected: string) => (path: string, source: string, variables: Record<string, FieldType>): ResourceProblem | undefined => {
  let compiled: Expression | undefined;
  const problem = expressionProblem(path, () => (compiled = compile(source, { variables })));
  if (problem !== undefined || types.includes(compiled!.type)) return problem;
  return { path, message: 'the result has the wrong type', expected, got: compiled!.type, offset: 0 };
};

/** As {@link expressionProblem}, for an expression whose result becomes a number. */
export const numberProblem = resultProblem(numbers, 'a number, true or false');
/** As {@link expressionProblem}, for an expression whose results are told apart and counted. */
export const itemProblem = resultProblem([...numbers, 'string'], 'a text, a number, true or false');

/** The type of an event's data by its contract, looked up in the bundle, then in what is known. */
export function contractOf({ source, event }: { source: string; event: string }, path: string, known: Pick<Definitions, 'sources'>, bundle: Bundle): { data: FieldType } | { problems: ResourceProblem[] } {
  const contract = (bundle.find('Source', source) as SourceSpec | undefined) ?? known.sources.get(source);
  if (contract === undefined) {
    return { problems: [{ path: `${path}/source`, message: `there is no source "${source}"`, expected: known.sources.size > 0 ? `one of ${[...known.sources.keys()].join(', ')}, or a Source in the same bundle` : 'a Source in the same bundle', got: source }] };
  }
  const events = contract.events ?? {};
  if (!Object.hasOwn(events, event)) {
    return { problems: [{ path: `${path}/event`, message: `source "${source}" has no event "${event}"`, expected: `one of ${Object.keys(events).join(', ')}`, got: event }] };
  }
  return { data: dataTypeOf(events[event]?.schema) };
}
