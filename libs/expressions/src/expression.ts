import { demandsOf, type Demands } from './demands';
import { baseEnvironment } from './environment';
import { explain } from './explain';
import { ExpressionError, positionAt } from './expression-error';
import { prepare, type Meter, type Node } from './syntax';
import { declareType, type Convert, type FieldType } from './types';
import { toPlain, typeOfValue, ValueProblem } from './values';

export type ResultType = 'bool' | 'int' | 'double' | 'string' | 'timestamp' | 'duration' | 'list' | 'map' | 'dyn';

/** What one expression may cost. */
export interface Limits {
  /** characters of the source */
  sourceLength: number;
  /** nodes of the syntax tree */
  nodes: number;
  /** levels of nesting */
  depth: number;
  /** loops (map, filter, all, exists) inside of one another */
  loops: number;
  /** values that the loops of one evaluation may touch; a list or map counts with its size */
  steps: number;
}

export const DEFAULT_LIMITS: Readonly<Limits> = { sourceLength: 4_096, nodes: 1_000, depth: 50, loops: 2, steps: 100_000 };

export interface CompileOptions {
  variables: Readonly<Record<string, FieldType>>;
  /** The type that the result must have; checked when compiling where it is known, else at each evaluation. Default `dyn`: any. */
  returns?: ResultType;
  /** Whether `null` is also a result. */
  nullable?: boolean;
  limits?: Partial<Limits>;
}

/** A compiled expression. It has no state and no effect: the same values give the same result. */
export interface Expression {
  readonly source: string;
  /** The type of its result as far as it is known: `dyn` if only the values decide. */
  readonly type: string;
  /** The paths of variables that it reads, such as `data.delay`, in the order of their appearance. */
  readonly references: readonly string[];
  /** What it takes for granted about them. */
  readonly demands: Demands;
  /**
   * Plain values in, a plain value out: instants and durations are microseconds, ints and doubles are numbers.
   * @throws ExpressionError (`missing`, `value`, `limit`) when there is no result for these values
   */
  evaluate(values: Readonly<Record<string, unknown>>): unknown;
}

const base = baseEnvironment();

/**
 * Compiles a CEL expression and checks its types.
 * @throws ExpressionError with the position of what is wrong
 * @throws RangeError when a variable is declared with a type that does not exist
 */
export function compile(source: string, options: CompileOptions): Expression {
  const { variables, returns = 'dyn', nullable = false } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  if (source.length > limits.sourceLength) {
    throw new ExpressionError(source, { code: 'limit', problem: 'it is too long', expected: `at most ${limits.sourceLength} characters`, got: `${source.length}` });
  }
  const env = base.clone({ limits: { maxAstNodes: limits.nodes, maxDepth: limits.depth } });
  const converts = new Map<string, Convert>();
  for (const [name, type] of Object.entries(variables)) {
    if (!/^[A-Za-z_]\w*$/.test(name) || env.hasVariable(name)) throw new RangeError(`Variable "${name}" cannot be declared: the name is reserved, or not an identifier.`);
    const declared = declareType(env, name, type);
    env.registerVariable(name, declared.name);
    converts.set(name, declared.convert);
  }
  const meter: Meter = { left: 0 };
  try {
    const program = env.parse(source);
    const references = prepare(program.ast as unknown as Node, { source, variables: new Set(converts.keys()), meter, maxLoops: limits.loops });
    const { type, error } = program.check();
    if (type === undefined) throw error;
    if (!gives(type, returns, nullable)) {
      throw new ExpressionError(source, { code: 'type', problem: 'the result has the wrong type', position: positionAt(source, 0), expected: returns, got: readableType(type) });
    }
    // Of a tree that has been checked: no call lacks an argument any more.
    const demands = demandsOf(program.ast as unknown as Node, new Set(converts.keys()));
    const roots = [...new Set(references.map((path) => path.split('.')[0]))];
    const inputs = roots.map((name) => ({ name, convert: converts.get(name)!, dyn: variables[name] === 'dyn' }));

    const evaluate = (values: Readonly<Record<string, unknown>>): unknown => {
      meter.left = limits.steps;
      try {
        const context: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
        for (const input of inputs) context[input.name] = convertInput(input, values, source);
        const result: unknown = program(context);
        // `||`, `all` and `exists` swallow errors on one side, the exhausted budget among them.
        if (meter.left < 0) throw new ExpressionError(source, { code: 'limit', problem: 'the evaluation takes too much work', expected: `at most ${limits.steps} steps` });
        return plainResult(result, returns, nullable);
      } catch (error) {
        throw explain(error, source, variables);
      }
    };
    return { source, type: readableType(type), references, demands, evaluate };
  } catch (error) {
    throw explain(error, source, variables);
  }
}

function convertInput({ name, convert, dyn }: { name: string; convert: Convert; dyn: boolean }, values: Readonly<Record<string, unknown>>, source: string): unknown {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined || (value === null && !dyn)) throw new ExpressionError(source, { code: 'missing', problem: `variable "${name}" has no value` });
  try {
    return convert(value);
  } catch (error) {
    throw error instanceof ValueProblem && error.path === undefined ? error.at(name) : error;
  }
}

const readableType = (type: string): string => (type.startsWith('record ') ? 'map' : type);

function gives(type: string, returns: ResultType, nullable: boolean): boolean {
  if (type === 'dyn' || returns === 'dyn' || type === returns || (nullable && type === 'null')) return true;
  if (returns === 'double') return type === 'int';
  if (returns === 'list') return type.startsWith('list<');
  return returns === 'map' && (type.startsWith('map<') || type.startsWith('record '));
}

function plainResult(result: unknown, returns: ResultType, nullable: boolean): unknown {
  const plain = toPlain(result);
  if (returns === 'dyn' || (plain === null && nullable)) return plain;
  const type = typeOfValue(result);
  // JSON has one kind of number: what is whole is an int too.
  const fits = type === returns || (returns === 'double' && type === 'int') || (returns === 'int' && type === 'double' && Number.isSafeInteger(plain));
  if (!fits) throw new ValueProblem(returns, type);
  if (typeof plain === 'number' && !Number.isFinite(plain)) throw new ValueProblem('a finite number', `${plain}`);
  return plain;
}
