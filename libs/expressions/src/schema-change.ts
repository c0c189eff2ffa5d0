import { canonicalJson } from './canonical';

/** What differs between two versions of a schema, and whom it breaks; nobody: it is compatible. */
export interface SchemaChange {
  /** As an expression would name it: `data.legs[].origin`. */
  field: string;
  what: string;
  /** `readers` find less or other than before; `publishers` may be refused what was taken. */
  breaks?: 'readers' | 'publishers';
  /** What readers can rely on no more: it breaks those that do not ask first. */
  loosens?: Loosened;
}
/** It may be absent; or hold values of these types too (those it had stand beside); or these values, as JSON (undefined: any). */
export type Loosened = { by: 'absence' } | { by: 'types'; added: readonly string[]; had: readonly string[] } | { by: 'values'; added?: readonly string[] };

type Schema = Record<string, unknown>;
type Compared = { field: string; before: Schema; after: Schema; changes: SchemaChange[] };

/** Bounds by the direction in which they widen: a maximum by growing, a minimum by shrinking. */
const BOUNDS: Readonly<Record<string, 1 | -1>> = {
  maximum: 1, exclusiveMaximum: 1, maxLength: 1, maxItems: 1, maxProperties: 1, minimum: -1, exclusiveMinimum: -1, minLength: -1, minItems: -1, minProperties: -1,
};
/** They say nothing about the data, or are compared where something refers to them. */
const SILENT = new Set(['$schema', '$id', '$comment', '$defs', 'definitions', 'title', 'description', 'examples', 'default', 'deprecated', 'readOnly', 'writeOnly']);
const COMPARED = new Set(['type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', ...Object.keys(BOUNDS)]);
/** They may say which types stand there, in ways that are not compared. */
const COMBINING = new Set(['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else']);
const TYPES = ['null', 'boolean', 'object', 'array', 'number', 'string'];

/**
 * What a changed JSON Schema of data means for who reads it and who publishes it, by field. References lead to `$defs` or
 * `definitions` of the schema itself, and not in circles.
 */
export function compareSchemas(before: Schema, after: Schema): SchemaChange[] {
  const changes: SchemaChange[] = [];
  compare({ field: 'data', before: unfold(before, before), after: unfold(after, after), changes });
  return changes;
}

/** The schema with every reference replaced by what it refers to. */
function unfold(schema: unknown, root: Schema): Schema {
  if (typeof schema === 'boolean') return schema ? {} : { not: {} };
  const { $ref, ...rest } = schema as Schema;
  const target = typeof $ref === 'string' ? unfold($ref.slice(2).split('/').reduce<unknown>((at, part) => (at as Schema)[part.replaceAll('~1', '/').replaceAll('~0', '~')], root), root) : {};
  const own: Schema = { ...rest };
  if (isObject(own.properties)) own.properties = Object.fromEntries(Object.entries(own.properties).map(([name, inner]) => [name, unfold(inner, root)]));
  if (isObject(own.items)) own.items = unfold(own.items, root);
  return { ...target, ...own };
}

function compare(pair: Compared): void {
  const { field, before, after, changes } = pair;
  const [from, to] = [typesOf(before), typesOf(after)];
  const told = `from ${typeText(from)} to ${typeText(to)}`;
  if (!subset(from, to) && !subset(to, from)) {
    // What is below a value of another type has nothing to be compared with.
    changes.push({ field, what: `its type changes ${told}`, breaks: 'readers' });
    return;
  }
  if (!subset(from, to)) changes.push({ field, what: `its type is narrower ${told}`, breaks: 'publishers' });
  else if (!subset(to, from)) changes.push({ field, what: `its type is wider ${told}`, loosens: { by: 'types', added: [...to].filter((type) => !from.has(type)), had: [...from] } });
  compareValues(pair);
  for (const [keyword, widens] of Object.entries(BOUNDS)) compareBound(pair, keyword, widens);
  compareProperties(pair);
  compareItems(pair);
  for (const keyword of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (!SILENT.has(keyword) && !COMPARED.has(keyword) && !same(before[keyword], after[keyword])) opaque(pair, keyword);
  }
}

function compareItems(pair: Compared): void {
  const [before, after] = [pair.before.items ?? {}, pair.after.items ?? {}];
  // Where neither says anything there would be no end of items of items.
  if (same(before, after)) return;
  if (isObject(before) && isObject(after)) compare({ ...pair, field: `${pair.field}[]`, before, after });
  else opaque(pair, 'items');
}

/** A keyword of which it cannot be told whether it became wider. */
function opaque({ field, before, after, changes }: Compared, keyword: string): void {
  const loosens = COMBINING.has(keyword) && before[keyword] !== undefined ? { loosens: { by: 'types', added: TYPES, had: [] } as const } : {};
  if (after[keyword] === undefined) changes.push({ field, what: `"${keyword}" is dropped`, ...loosens });
  else changes.push({ field, what: `"${keyword}" ${before[keyword] === undefined ? 'is new' : 'changes'}`, breaks: 'publishers', ...loosens });
}

function compareValues({ field, before, after, changes }: Compared): void {
  const [from, to] = [valuesOf(before), valuesOf(after)];
  if (to === undefined) {
    if (from !== undefined) changes.push({ field, what: 'it may hold any value now', loosens: { by: 'values' } });
    return;
  }
  const gone = from?.filter((value) => !to.includes(value));
  if (gone === undefined) changes.push({ field, what: `only ${to.join(', ')} may stand there now`, breaks: 'publishers' });
  else if (gone.length > 0) changes.push({ field, what: `${gone.join(', ')} may not stand there any more`, breaks: 'publishers' });
  const added = from === undefined ? [] : to.filter((value) => !from.includes(value));
  if (added.length > 0) changes.push({ field, what: `${added.join(', ')} may stand there too`, loosens: { by: 'values', added } });
}

function compareBound({ field, before, after, changes }: Compared, keyword: string, widens: 1 | -1): void {
  const unbounded = widens * Infinity;
  const [from, to] = [before[keyword] ?? unbounded, after[keyword] ?? unbounded] as [number, number];
  if (from === to) return;
  const what = to === unbounded ? `${keyword} ${from} is dropped` : from === unbounded ? `${keyword} ${to} is new` : `${keyword} ${from} becomes ${to}`;
  changes.push({ field, what, ...((to - from) * widens < 0 && { breaks: 'publishers' as const }) });
}

function compareProperties(pair: Compared): void {
  const { field, before, after, changes } = pair;
  const [old, now] = [propertiesOf(before), propertiesOf(after)];
  const [had, needs] = [requiredOf(before), requiredOf(after)];
  const added = Object.keys(now).filter((name) => !Object.hasOwn(old, name));
  for (const name of Object.keys(old).filter((one) => !Object.hasOwn(now, one))) {
    const successor = added.find((other) => same(now[other], old[name]));
    changes.push({ field: fieldOf(field, name), what: `it is gone${successor === undefined ? '' : `; ${fieldOf(field, successor)} is new and looks the same`}`, breaks: 'readers' });
  }
  for (const name of added) {
    const demanded = needs.has(name);
    changes.push({ field: fieldOf(field, name), what: demanded ? 'it is new and required' : 'it is new and optional', ...(demanded && { breaks: 'publishers' as const }) });
  }
  for (const name of new Set([...had, ...needs])) {
    if (had.has(name) === needs.has(name) || added.includes(name)) continue;
    if (needs.has(name)) changes.push({ field: fieldOf(field, name), what: 'it becomes required', breaks: 'publishers' });
    else if (Object.hasOwn(now, name)) changes.push({ field: fieldOf(field, name), what: 'it may be left out now', loosens: { by: 'absence' } });
  }
  for (const name of Object.keys(old).filter((one) => Object.hasOwn(now, one))) compare({ ...pair, field: fieldOf(field, name), before: asSchema(old[name]), after: asSchema(now[name]) });
  const [closed, closes] = [before.additionalProperties, after.additionalProperties];
  if (same(closed, closes)) return;
  if (closes === undefined || closes === true) changes.push({ field, what: 'other fields may stand there too' });
  else changes.push({ field, what: closes === false ? 'no other fields may stand there any more' : 'what other fields may hold changes', breaks: 'publishers' });
}

const isObject = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);
const asSchema = (value: unknown): Schema => (isObject(value) ? value : {});
const propertiesOf = ({ properties }: Schema): Schema => asSchema(properties);
const requiredOf = ({ required }: Schema): Set<string> => new Set(Array.isArray(required) ? (required as string[]) : []);
const same = (a: unknown, b: unknown): boolean => (a === undefined || b === undefined ? a === b : canonicalJson(a) === canonicalJson(b));
/** A field of an object, as an expression would name it. */
export const fieldOf = (object: string, name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? `${object}.${name}` : `${object}[${JSON.stringify(name)}]`);

/** Values that may stand there, as JSON; undefined: any. */
function valuesOf(schema: Schema): string[] | undefined {
  if (Object.hasOwn(schema, 'const')) return [canonicalJson(schema.const)];
  return Array.isArray(schema.enum) ? schema.enum.map((value) => canonicalJson(value)) : undefined;
}

/** The types that may stand there; values that are listed have some of them. */
function typesOf(schema: Schema): Set<string> {
  const { type } = schema;
  const said = type === undefined ? TYPES : Array.isArray(type) ? (type as string[]) : [type as string];
  const values = Object.hasOwn(schema, 'const') ? [schema.const] : Array.isArray(schema.enum) ? (schema.enum as unknown[]) : undefined;
  if (values === undefined) return new Set(said);
  return new Set(said.flatMap((one) => (values.some((value) => isOf(one, value)) ? [one] : [])));
}
function isOf(type: string, value: unknown): boolean {
  const actual = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  return type === actual || (type === 'integer' && Number.isInteger(value));
}
const subset = (inner: Set<string>, outer: Set<string>): boolean => [...inner].every((type) => outer.has(type) || (type === 'integer' && outer.has('number')));
const typeText = (types: Set<string>): string => (TYPES.every((type) => types.has(type)) ? 'any' : [...types].join(' or '));
