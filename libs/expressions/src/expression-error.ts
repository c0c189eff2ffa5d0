/** Where in the source of an expression: `offset` counts UTF-16 units from 0, `line` and `column` count from 1. */
export interface Position {
  offset: number;
  line: number;
  column: number;
}

/**
 * - `syntax`: it cannot be read · `unknown`: it names what is not declared · `type`: types do not fit · `refused`: a function that is not allowed
 * - `limit`: too long, too deep, or too much work · `missing`: a value it needs is absent or null · `value`: a value has the wrong type, or cannot be computed with
 */
export type ExpressionErrorCode = 'syntax' | 'unknown' | 'type' | 'refused' | 'limit' | 'missing' | 'value';

export interface ExpressionProblem {
  code: ExpressionErrorCode;
  /** What is wrong, without the expression and without expected, got and hint. */
  problem: string;
  position?: Position;
  expected?: string;
  got?: string;
  hint?: string;
}

/** An expression that cannot be compiled (thrown by `compile`) or has no value for these inputs (thrown by `evaluate`). */
export class ExpressionError extends Error implements ExpressionProblem {
  override readonly name = 'ExpressionError';
  readonly code: ExpressionErrorCode;
  readonly problem: string;
  readonly position?: Position;
  readonly expected?: string;
  readonly got?: string;
  readonly hint?: string;

  constructor(readonly source: string, { code, problem, position, expected, got, hint }: ExpressionProblem) {
    super(describe(source, { code, problem, position, expected, got, hint }));
    this.code = code;
    this.problem = problem;
    this.position = position;
    this.expected = expected;
    this.got = got;
    this.hint = hint;
  }
}

const SHOWN = 120;

function describe(source: string, { problem, position, expected, got, hint }: ExpressionProblem): string {
  const shown = source.length > SHOWN ? `${source.slice(0, SHOWN)}…` : source;
  const place = position === undefined ? '' : ` at ${position.line}:${position.column}`;
  const types = [expected && `expected ${expected}`, got && `got ${got}`].filter(Boolean).join(', ');
  return `Expression ${JSON.stringify(shown)}${place}: ${problem}${types && `; ${types}`}.${hint ? ` ${hint}` : ''}`;
}

/** The position of an offset in a source. */
export function positionAt(source: string, offset: number): Position {
  const before = source.slice(0, offset);
  const line = before.split('\n').length;
  return { offset, line, column: offset - (before.lastIndexOf('\n') + 1) + 1 };
}
