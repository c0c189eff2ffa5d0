import { EvaluationError } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { RENAMED } from './environment';
import { ExpressionError, positionAt } from './expression-error';

/**
 * A node of the library's syntax tree, as far as it is read and adapted here. The package's public types leave out `meta`, `setMeta` and the
 * nodes of loops, so this file holds only for the pinned version 8.0.0; syntax.spec.ts fails when an update changes them.
 */
export interface Node {
  readonly op: string;
  args: unknown;
  readonly pos: number;
  readonly meta: { alternate?: Node; macro?: { args: Node[] }; check: Check; evaluate: Evaluate };
  setMeta(key: string, value: unknown): Node;
  readonly left?: Node & { checkedType?: Type };
  readonly right?: Node & { checkedType?: Type };
}
interface Type { readonly name: string; readonly kind: string }
interface Checker {
  check(node: Node, context: unknown): Type;
  createError(code: string, message: string, node: Node): Error;
  readonly boolType: Type;
  readonly doubleType: Type;
}
type Check = (checker: Checker, node: Node, context: unknown) => Type;
type Evaluate = (evaluator: { run(node: Node, context: unknown): unknown }, node: Node, context: unknown) => unknown;
interface Loop { iterable: Node; iterVarName: string; init: Node; step: Node }

/** The work that one evaluation may still do; refilled before each. */
export interface Meter {
  left: number;
}

interface Walk {
  source: string;
  variables: ReadonlySet<string>;
  references: Set<string>;
  meter: Meter;
  maxLoops: number;
}

/**
 * Prepares a parsed tree: refuses what is not allowed, replaces what has to be replaced, and meters loops.
 * @returns the paths of declared variables that the expression reads, in the order of their appearance
 */
export function prepare(root: Node, options: Omit<Walk, 'references'>): string[] {
  const walk: Walk = { ...options, references: new Set() };
  visit(root, walk, [], 0);
  return [...walk.references];
}

function refuse(walk: Walk, node: Node, code: 'refused' | 'limit' | 'type', problem: string, hint?: string): never {
  throw new ExpressionError(walk.source, { code, problem, position: positionAt(walk.source, node.pos), hint });
}

function visit(node: Node, walk: Walk, bound: readonly string[], loops: number): void {
  const { alternate, macro } = node.meta;
  if (node.op === 'rcall' && (node.args as unknown[])[0] === 'bind') {
    refuse(walk, node, 'refused', 'bind() is not available', 'It can double a value at each level; write the sub-expression twice, or declare a field for it.');
  }
  if (alternate) return visit(alternate, walk, bound, loops);
  const path = pathOf(node);
  if (path !== undefined) {
    if (walk.variables.has(path[0]) && !bound.includes(path[0])) walk.references.add(path.join('.'));
    return meter(node, walk, loops);
  }
  // has() is the only macro that is left; it must see its argument as it was written.
  if (macro) return macro.args.forEach((argument) => visit(argument, walk, bound, 0));
  if (node.op === 'comprehension') return visitLoop(node, walk, bound, loops);
  if (node.op === 'call' || node.op === 'rcall') adaptCall(node, walk);
  if (node.op === '?:') widenBranches(node);
  if (node.op === 'in') widenMembership(node);
  childrenOf(node).forEach((child) => visit(child, walk, bound, loops));
  meter(node, walk, loops);
}

function visitLoop(node: Node, walk: Walk, bound: readonly string[], loops: number): void {
  if (loops >= walk.maxLoops) refuse(walk, node, 'limit', `loops are nested more than ${walk.maxLoops} deep`, 'Split the expression.');
  const { iterable, iterVarName, init, step } = node.args as Loop;
  visit(iterable, walk, bound, loops);
  charged(iterable.meta.alternate ?? iterable, walk.meter);
  visit(init, walk, bound, 0);
  visit(step, walk, [...bound, iterVarName], loops + 1);
}

/** The path that a node reads, as far as it is constant: `data.items[0].price` reads `data.items`, `data["x"]` reads `data.x`. */
function pathOf(node: Node): string[] | undefined {
  if (node.op === 'id') return [node.args as string];
  if (node.op === '.') {
    const [object, field] = node.args as [Node, string];
    const path = pathOf(object);
    return path && [...path, field];
  }
  if (node.op === '[]') {
    const [object, index] = node.args as [Node, Node];
    if (index.op !== 'value' || typeof index.args !== 'string') return undefined;
    const path = pathOf(object);
    return path && [...path, index.args];
  }
  return undefined;
}

function childrenOf(node: Node): Node[] {
  const { args } = node;
  switch (node.op) {
    case 'value': case 'id': case 'accuValue': case 'accuInc':
      return [];
    case '.':
      return [(args as [Node])[0]];
    case 'call':
      return (args as [string, Node[]])[1];
    case 'rcall': {
      const [, receiver, rest] = args as [string, Node, Node[]];
      return [receiver, ...rest];
    }
    case '!_': case '-_': case 'accuPush':
      return [args as Node];
    default:
      return (args as Node[]).flat();
  }
}

function adaptCall(node: Node, walk: Walk): void {
  const [name, ...rest] = node.args as [string, ...unknown[]];
  if (name === 'matches') {
    refuse(walk, node, 'refused', 'matches() is not available: its time can grow exponentially', 'Use re2(text, "pattern"), which takes linear time and knows the syntax of RE2.');
  }
  if (name === 're2') return matchLinearly(node, walk);
  if (node.op === 'call' && Object.hasOwn(RENAMED, name)) node.args = [RENAMED[name], ...rest];
}

/** `re2(text, "pattern")` and `text.re2("pattern")`: true when the pattern is found anywhere in the text. */
function matchLinearly(node: Node, walk: Walk): void {
  const [text, pattern, ...more] = childrenOf(node);
  if (pattern === undefined || more.length > 0) refuse(walk, node, 'type', 're2() takes a text and a pattern', 'Write re2(data.code, "^[A-Z]{3}$").');
  // A pattern from the data would let whoever sends the data choose how much memory its program takes.
  if (pattern.op !== 'value' || typeof pattern.args !== 'string') refuse(walk, pattern, 'type', 'the pattern of re2() must be written as a string', 'Write re2(data.code, "^[A-Z]{3}$").');
  const program = programOf(pattern as Node & { args: string }, walk);
  node.setMeta('async', false);
  node.setMeta('check', ((checker, _node, context) => {
    const type = checker.check(text, context);
    if (type.kind !== 'dyn' && type.name !== 'string') throw checker.createError('no_matching_overload', `found no matching overload for 're2(${type.name}, string)'`, node);
    return checker.boolType;
  }) satisfies Check);
  node.setMeta('evaluate', ((evaluator, _node, context) => {
    const value = evaluator.run(text, context);
    if (typeof value === 'string') return program.test(value);
    throw new EvaluationError({ code: 'no_matching_overload', message: `re2() needs a string`, node: node as never });
  }) satisfies Evaluate);
}

function programOf(pattern: Node & { args: string }, walk: Walk): RE2JS {
  try {
    return RE2JS.compile(pattern.args);
  } catch (error) {
    return refuse(walk, pattern, 'type', `the pattern ${JSON.stringify(pattern.args)} is not one of RE2: ${(error as Error).message}`, 'RE2 has no look-around and no back-references.');
  }
}

/** Lets a node that mixes int and double pass the check after all: `types` are those of its operands, `evaluate` takes over. */
function widen(node: Node, code: string, types: RegExp, result: 'boolType' | 'doubleType', evaluate: Evaluate): void {
  const { check } = node.meta;
  node.setMeta('check', ((checker, self, context) => {
    try {
      return check(checker, self, context);
    } catch (error) {
      const operands = `${self.left?.checkedType?.name} ${self.right?.checkedType?.name}`;
      if ((error as { code?: string }).code !== code || !types.test(operands)) throw error;
      node.setMeta('evaluate', evaluate);
      return checker[result];
    }
  }) satisfies Check);
}

/** `has(data.x) ? data.x : 0` mixes double and int; the result is a double. */
function widenBranches(node: Node): void {
  const { evaluate } = node.meta;
  widen(node, 'incompatible_ternary_branches', /^(int double|double int)$/, 'doubleType', (...run) => Number(evaluate(...run)));
}

/** `delay in [15, 30]` looks for a double among ints. An overload of the operator would overlap with the built-in one wherever a type is not known. */
function widenMembership(node: Node): void {
  widen(node, 'no_such_overload', /^(int list<double>|double list<int>)$/, 'boolType', (evaluator, self, context) => {
    const value = evaluator.run(self.left!, context);
    // The loose comparison of a bigint and a number is exact; a conversion would round large integers.
    return (evaluator.run(self.right!, context) as unknown[]).some((item) => item == value);
  });
}

const COSTLY: ReadonlySet<string> = new Set(['id', '.', '[]', 'call', 'rcall', 'list', 'map', '+']);

/** Inside of a loop every value costs its size: lists that are built, searched or compared there grow with the square of the input. */
function meter(node: Node, walk: Walk, loops: number): void {
  if (loops > 0 && COSTLY.has(node.op)) charged(node, walk.meter);
}

function charged(node: Node, budget: Meter): void {
  const { evaluate } = node.meta;
  node.setMeta('evaluate', ((evaluator, self, context) => {
    const value = evaluate(evaluator, self, context);
    budget.left -= 1 + sizeOf(value);
    if (budget.left < 0) throw new EvaluationError({ code: 'limit_exceeded', message: 'the evaluation takes too much work', node: node as never });
    return value;
  }) satisfies Evaluate);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length >> 4;
  if (Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}
