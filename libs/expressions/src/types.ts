import type { Environment } from '@marcbachmann/cel-js';
import { CelDuration, CelRecord, CelTimestamp, typeOfValue, ValueProblem } from './values';

export type ScalarType = 'bool' | 'int' | 'double' | 'string' | 'timestamp' | 'duration' | 'dyn';
/** The type of a variable or field. A nested object declares a record, `[…]` around one a list of such; `dyn` and `map` hold any JSON, whose numbers are doubles. */
export type FieldType = ScalarType | 'list' | 'map' | `list<${ScalarType}>` | RecordType | readonly [RecordType];
export interface RecordType { readonly [field: string]: FieldType }

const SCALARS: ReadonlySet<string> = new Set(['bool', 'int', 'double', 'string', 'timestamp', 'duration', 'dyn']);

/** Turns a plain value into what CEL computes with; `undefined` when there is none (null and undefined alike). */
export type Convert = (value: unknown) => unknown;

const expect = (type: string, value: unknown): never => {
  throw new ValueProblem(type, typeOfValue(value));
};

const micros = (type: string, value: unknown): number =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : expect(`${type} in whole microseconds`, value);

const SCALAR: Readonly<Record<ScalarType | 'list' | 'map', Convert>> = {
  bool: (value) => (typeof value === 'boolean' ? value : expect('bool', value)),
  string: (value) => (typeof value === 'string' ? value : expect('string', value)),
  double: (value) => (typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : expect('double', value)),
  int: (value) => (typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : expect('int (a whole number)', value)),
  timestamp: (value) => new CelTimestamp(micros('timestamp', value)),
  duration: (value) => new CelDuration(micros('duration', value)),
  list: (value) => (Array.isArray(value) ? value : expect('list', value)),
  map: (value) => (isObject(value) ? value : expect('map', value)),
  dyn: (value) => value,
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Declares a type in an environment.
 * @returns its name there, and the conversion of a present value
 * @throws RangeError when there is no such type
 */
export function declareType(env: Environment, path: string, type: FieldType): { name: string; convert: Convert } {
  if (isListOfRecords(type)) {
    const { name, convert } = declareRecord(env, `${path} item`, type[0]);
    return { name: `list<${name}>`, convert: (value) => (SCALAR.list(value) as unknown[]).map(convert) };
  }
  if (typeof type !== 'string') return declareRecord(env, path, type);
  if (Object.hasOwn(SCALAR, type)) return { name: type, convert: SCALAR[type as ScalarType] };
  const item = /^list<(\w+)>$/.exec(type)?.[1];
  if (item === undefined || !SCALARS.has(item)) {
    throw new RangeError(`Variable "${path}" is declared as ${JSON.stringify(type)}; expected ${[...SCALARS].join(', ')}, list, map, list<…> of one of these, or an object of fields.`);
  }
  const convertItem = present(item, SCALAR[item as ScalarType]);
  return { name: type, convert: (value) => (SCALAR.list(value) as unknown[]).map(convertItem) };
}

const present = (type: string, convert: Convert): Convert => (value) =>
  value === null && type !== 'dyn' ? expect(type, value) : convert(value);

export const isListOfRecords = (type: FieldType | undefined): type is readonly [RecordType] => Array.isArray(type);

function declareRecord(env: Environment, path: string, fields: RecordType): { name: string; convert: Convert } {
  const name = `record ${path}`;
  const converts = new Map<string, Convert>();
  const types: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [field, type] of Object.entries(fields)) {
    const declared = declareType(env, `${path}.${field}`, type);
    types[field] = declared.name;
    converts.set(field, declared.convert);
  }
  // A class of its own per record: the library finds the type of a value by its constructor.
  class RecordValue extends CelRecord {
    constructor(readonly plain: Readonly<Record<string, unknown>>) {
      super();
    }
    override get(field: string): unknown {
      const convert = converts.get(field);
      const value = Object.hasOwn(this.plain, field) ? this.plain[field] : undefined;
      // A declared field that is null is absent: has() is false, and to read it is an error that names it. In `dyn`, null is a value.
      if (convert === undefined || value === undefined || (value === null && fields[field] !== 'dyn')) return undefined;
      try {
        return convert(value);
      } catch (error) {
        if (!(error instanceof ValueProblem) || error.path !== undefined) throw error;
        throw error.at(`${path}.${field}`);
      }
    }
  }
  env.registerType(name, { ctor: RecordValue, fields: types });
  return { name, convert: (value) => (isObject(value) ? new RecordValue(value) : expect('an object', value)) };
}
