import { compile, ExpressionError, type Expression, type SchemaChange } from '@rhei/expressions';
import type { RequestType } from '../set/feature-set';
import { recordVariables, type FeatureView } from '../view/feature-view';

export type ReadExpression = Pick<Expression, 'source' | 'references' | 'demands'> & {
  /** Types of JSON that it can be given, where no compiler tells. */
  takes?: readonly string[];
};
/** Why a reader is caught by a field that promises less, and what would make it safe. */
export interface Caught {
  why: string;
  hint: string;
}

/**
 * Whether an expression relies on what a field promises no more; undefined: it asks first, or can do with what may come.
 * @param compiles whether it still has a type that fits where the field is of this type of JSON alone
 */
export function caught({ source, demands, takes }: ReadExpression, { field, loosens }: SchemaChange, compiles: (type: string) => boolean): Caught | undefined {
  switch (loosens?.by) {
    case 'absence':
      return demands.present.includes(field) ? { why: 'nothing asks before whether it is there', hint: takes === undefined ? `Safe is has(${field}) ? ${around(source, field)} : …` : 'A request must have it' } : undefined;
    case 'types': {
      const wrong = loosens.added.filter((type) => (type === 'null' ? demands.notNull.includes(field)
        : demands.typed.includes(field) && (takes === undefined ? !compiles(type) : !takes.includes(type))));
      if (wrong.length === 0) return undefined;
      const had = loosens.had.map((type) => celTypes[type]).find((type) => type !== undefined) ?? '…';
      return { why: `nothing asks before whether it is ${article(wrong)}`, hint: takes === undefined ? `Safe is type(${field}) == ${had} ? ${around(source, field)} : …` : `A request must have ${takes.join(' or ')}` };
    }
    case 'values':
      return demands.member.includes(field) ? { why: `something is looked up by it, and ${loosens.added?.join(', ') ?? 'any value'} may find nothing`, hint: `Safe is ${field} in … ? ${around(source, field)} : …` } : undefined;
    case undefined:
      return undefined;
  }
}

const celTypes: Readonly<Partial<Record<string, string>>> = { number: 'double', integer: 'double', string: 'string', boolean: 'bool', array: 'list', object: 'map' };
const article = (types: readonly string[]): string => types.map((type) => (type === 'null' ? type : `of type ${type}`)).join(' or ');
/** An expression that is short stands in the hint as it is. */
const around = (source: string, field: string): string => (source.length <= 60 ? source : field);

const requestTakes: Readonly<Record<RequestType, readonly string[]>> = { string: ['string'], double: ['number', 'integer'], int: ['integer'], bool: ['boolean'], timestamp: ['string'] };

/** An example's data must hold what a request must hold, of the same types. */
export function requestReading(field: string, type: RequestType): ReadExpression {
  const source = `data.${field}`;
  return { source, references: [source], demands: { present: [source], notNull: [source], typed: [source], member: [] }, takes: requestTakes[type] };
}

/** An expression of a view as it stands behind the view's filter, which may ask in its place. */
export function behindFilter({ filter }: Pick<FeatureView, 'filter'>, expression: Expression): ReadExpression {
  if (filter === undefined || filter === expression) return expression;
  let both: Expression;
  try {
    both = compile(`(${filter.source}) ? [${expression.source}] : []`, { variables: recordVariables() });
  } catch (error) {
    // Together they may be longer than one expression may be.
    if (error instanceof ExpressionError) return expression;
    throw error;
  }
  const left = (kind: keyof Expression['demands']): string[] => expression.demands[kind].filter((path) => both.demands[kind].includes(path));
  return { source: expression.source, references: expression.references, demands: { present: left('present'), notNull: left('notNull'), typed: left('typed'), member: left('member') } };
}

/**
 * A schema of data in which a field has one type of JSON alone, closed down to it, so that the compiler tells who could
 * not do with it. Undefined where the field stands in a list: what is in one has no type for the compiler.
 * @param read names of fields beside those of the schema that are read at its top
 */
export function withType(schema: Record<string, unknown>, field: string, type: string, read: readonly string[]): Record<string, unknown> | undefined {
  if (!/^data(?:\.\w+)+$/.test(field)) return undefined;
  const close = (at: Record<string, unknown>, [name, ...below]: string[], more: readonly string[]): Record<string, unknown> => {
    const properties = { ...Object.fromEntries(more.map((one) => [one, {}])), ...(at.properties as Record<string, Record<string, unknown>> | undefined) };
    return { type: 'object', additionalProperties: false, properties: { ...properties, [name]: below.length > 0 ? close(properties[name] ?? {}, below, []) : { type, ...(type === 'object' && { additionalProperties: false, properties: {} }) } } };
  };
  return close(schema, field.split('.').slice(1), read);
}
