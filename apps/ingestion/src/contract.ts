import { compile, dataTypeOf, ExpressionError, formatDuration, formatInstant, parseDuration, type Duration, type Expression, type FieldType, type Instant, type ResultType } from '@rhei/expressions';
import { show, type CloudEvent } from './cloud-event';
import { compileSchema, type EventSchema } from './event-schema';
import type { EventTypeSpec, SourceSpec } from './source';

/** A source's contract, ready to judge its events. */
export interface Contract {
  source: string;
  version: number;
  skew: Duration;
  types: ReadonlyMap<string, EventContract>;
}
interface EventContract {
  schema: EventSchema;
  key: Expression;
  time?: Expression;
  expect: { rule: Expression; hint: string }[];
  identity?: Expression;
  revision?: Expression;
  withdrawn?: Expression;
}

/** How an event breaks its contract: what the publisher is told, and what the quarantine keeps. */
export interface Breach {
  message: string;
  field: string;
  /** A keyword of JSON Schema, an expectation's CEL, or `key`, `time`, `skew`, `identity`, `revision`, `withdrawn`. */
  rule: string;
  expected?: string;
  got?: string;
  hint?: string;
}
export interface Sound {
  key: string;
  eventTime: Instant;
  /** The fact that the event states, and what it says about it. An empty identity is a fact of its own, which nothing corrects. */
  identity: string;
  revision: number;
  withdrawn: boolean;
}

/** A fault of a specification: `path` is a JSON pointer below `spec`, `offset` counts into an expression. */
export interface ContractProblem {
  path: string;
  message: string;
  expected?: string;
  got?: string;
  hint?: string;
  offset?: number;
}

/** Not `type`: CEL has a function of that name, and an expression belongs to one event type anyway. */
const variables: Readonly<Record<string, FieldType>> = { data: 'dyn', id: 'string', subject: 'string', time: 'timestamp' };
/** What tells a fact may read the key as well. */
const factVariables: Readonly<Record<string, FieldType>> = { ...variables, key: 'string' };
const longestKey = 256;
const highestRevision = 2_147_483_647;
const own = { identity: '', revision: 1, withdrawn: false };

/** Compiles a specification whose shape is right. @returns the contract, or all its faults */
export function compileContract(source: string, version: number, spec: SourceSpec): Contract | ContractProblem[] {
  const problems: ContractProblem[] = [];
  const types = new Map<string, EventContract>();
  for (const [type, event] of Object.entries(spec.events)) {
    const compiled = compileEvent(event, `/events/${type.replaceAll('~', '~0').replaceAll('/', '~1')}`, problems);
    if (compiled !== undefined) types.set(type, compiled);
  }
  return problems.length > 0 ? problems : { source, version, skew: parseDuration(spec.skew), types };
}

function compileEvent(spec: EventTypeSpec, path: string, problems: ContractProblem[]): EventContract | undefined {
  const expression = (text: string, returns: ResultType, at: string, known = variables): Expression | undefined => {
    try {
      return compile(text, { variables: known, returns });
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      problems.push({ path: `${path}${at}`, message: `The expression cannot be used: ${error.problem}.`, expected: error.expected, got: error.got, hint: error.hint, offset: error.position?.offset });
      return undefined;
    }
  };
  const schema = compileSchema(spec.schema);
  if (Array.isArray(schema)) problems.push(...schema.map((problem) => ({ ...problem, path: `${path}/schema${problem.path}` })));
  const key = expression(spec.key, 'string', '/key');
  const time = spec.time === undefined ? undefined : expression(spec.time, 'timestamp', '/time');
  const expect = spec.expect.map(({ rule, hint }, index) => ({ rule: expression(rule, 'bool', `/expect/${index}/rule`), hint }));
  const typed = { ...factVariables, data: dataTypeOf(spec.schema) };
  const factOf = (field: 'identity' | 'revision' | 'withdrawn', returns: ResultType): Expression | undefined => {
    const text = spec[field];
    if (text === undefined) return undefined;
    const checked = expression(text, returns, `/${field}`, typed);
    if (checked === undefined) return undefined;
    if (field === 'revision' && !['int', 'double', 'dyn'].includes(checked.type)) {
      problems.push({ path: `${path}/revision`, message: 'The expression cannot be used: the result has the wrong type.', expected: 'a whole number', got: checked.type, offset: 0 });
      return undefined;
    }
    // Data is read as it comes, without the contract's types; what compiles with them must compile so too.
    return expression(text, returns, `/${field}`, factVariables);
  };
  const identity = factOf('identity', 'string');
  const revision = factOf('revision', 'dyn');
  const withdrawn = factOf('withdrawn', 'bool');
  if (Array.isArray(schema) || key === undefined) return undefined;
  return { schema, key, time, expect: expect.flatMap(({ rule, hint }) => (rule === undefined ? [] : [{ rule, hint }])), identity, revision, withdrawn };
}

/**
 * Holds an event to its contract. The first breach is told: schema, event time, skew against its arrival at `now`, key,
 * expectations in their order, and the fact that it states.
 */
export function judge(contract: Contract, event: CloudEvent, now: Instant): Sound | Breach {
  const { schema, key, time, expect, identity, revision, withdrawn } = contract.types.get(event.type)!;
  const breach = (field: string, rule: string, { expected, got, hint }: Partial<Breach>): Breach => ({
    message: `Event "${event.id}" of source "${event.source}" breaks the contract of "${event.type}": ${field} (${rule}): expected ${expected}, got ${got}.${hint ? ` ${sentence(hint)}` : ''}`,
    field, rule, expected, got, hint,
  });
  if (event.data === undefined) return breach('data', 'required', { expected: 'data', got: 'nothing' });
  const fault = schema(event.data);
  if (fault !== undefined) return breach(fault.field, fault.rule, fault);

  const values = { data: event.data, id: event.id, subject: event.subject, time: event.time };
  const evaluate = (expression: Expression, expected: string, over: Record<string, unknown> = values): { value: unknown } | { failed: Partial<Breach> } => {
    try {
      return { value: expression.evaluate(over) };
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      return { failed: { expected, got: error.got ?? error.problem, hint: `${expression.source}: ${error.problem}` } };
    }
  };

  let eventTime = event.time;
  if (time !== undefined) {
    const result = evaluate(time, 'a timestamp');
    if ('failed' in result) return breach(fieldOf(time, 'time'), 'time', result.failed);
    eventTime = result.value as Instant;
  }
  if (eventTime === undefined) return breach('time', 'time', { expected: 'the instant at which it happened', got: 'nothing', hint: 'Send the attribute "time"' });
  if (eventTime > now + contract.skew) {
    return breach(time === undefined ? 'time' : fieldOf(time, 'time'), 'skew', {
      expected: `at most ${formatDuration(contract.skew)} after its arrival at ${formatInstant(now)}`, got: formatInstant(eventTime),
      hint: 'An event is sent when it has happened; look at the clock of the sender',
    });
  }

  const named = evaluate(key, 'a text');
  if ('failed' in named) return breach(fieldOf(key, 'key'), 'key', named.failed);
  const keyText = named.value as string;
  if (keyText === '' || keyText.length > longestKey) return breach(fieldOf(key, 'key'), 'key', { expected: `a text of 1 to ${longestKey} characters`, got: show(keyText) });

  for (const { rule, hint } of expect) {
    const result = evaluate(rule, 'true');
    if ('failed' in result) return breach(fieldOf(rule, 'data'), rule.source, { ...result.failed, hint: hint || result.failed.hint });
    if (result.value !== true) return breach(fieldOf(rule, 'data'), rule.source, { expected: 'true', got: `false for ${rule.references.map((path) => `${path} = ${show(read(values, path))}`).join(', ')}`, hint });
  }
  if (identity === undefined) return { key: keyText, eventTime, ...own };

  const known = { ...values, key: keyText };
  const fact = evaluate(identity, 'a text', known);
  if ('failed' in fact) return breach(fieldOf(identity, 'identity'), 'identity', fact.failed);
  const factText = fact.value as string;
  if (factText === '' || factText.length > longestKey) return breach(fieldOf(identity, 'identity'), 'identity', { expected: `a text of 1 to ${longestKey} characters`, got: show(factText) });
  const numbered = revision === undefined ? { value: own.revision } : evaluate(revision, 'a whole number', known);
  if ('failed' in numbered) return breach(fieldOf(revision!, 'revision'), 'revision', numbered.failed);
  const number = numbered.value as number;
  if (!Number.isInteger(number) || number < 1 || number > highestRevision) {
    return breach(fieldOf(revision!, 'revision'), 'revision', { expected: `a whole number from 1 to ${highestRevision}`, got: show(number), hint: 'The first version of a fact is revision 1' });
  }
  const taken = withdrawn === undefined ? { value: own.withdrawn } : evaluate(withdrawn, 'true or false', known);
  if ('failed' in taken) return breach(fieldOf(withdrawn!, 'withdrawn'), 'withdrawn', taken.failed);
  return { key: keyText, eventTime, identity: factText, revision: number, withdrawn: taken.value as boolean };
}

const fieldOf = (expression: Expression, otherwise: string): string => expression.references[0] ?? otherwise;

/** The value at a path of plain names; what an expression computes on its way is not repeated here. */
const read = (values: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, name) => (typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined), values);

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
