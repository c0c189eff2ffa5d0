import type { FieldType } from './types';

type Schema = { type?: unknown; properties?: Record<string, unknown>; additionalProperties?: unknown };

/**
 * The type of data for the check of expressions, from its JSON Schema. Only a closed object gives types; where other fields
 * may come, or the schema says it in other ways, the data is `dyn`. Whole numbers are doubles here, since that is what data
 * read as `dyn` holds.
 */
export function dataTypeOf(schema: unknown): FieldType {
  const { type, properties, additionalProperties } = (typeof schema === 'object' && schema !== null ? schema : {}) as Schema;
  const name = Array.isArray(type) ? onlyOne(type.filter((item) => item !== 'null')) : type;
  switch (name) {
    case 'string': return 'string';
    case 'boolean': return 'bool';
    case 'number': case 'integer': return 'double';
    case 'array': return 'list';
    case 'object':
      if (properties === undefined || additionalProperties !== false) return 'dyn';
      return Object.fromEntries(Object.entries(properties).map(([field, inner]) => [field, dataTypeOf(inner)]));
    default: return 'dyn';
  }
}

const onlyOne = (types: unknown[]): unknown => (types.length === 1 ? types[0] : undefined);
