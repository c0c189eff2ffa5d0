/** A fault of a JSON Schema: `path` is a JSON pointer into it. */
export interface SchemaProblem {
  path: string;
  message: string;
  expected?: string;
  got?: string;
  hint?: string;
}

export const schemaLimits = { bytes: 64 * 1024, depth: 20, unfolded: 10_000, uniqueItems: 1_000 } as const;

const DIALECTS = ['https://json-schema.org/draft/2020-12/schema', 'http://json-schema.org/draft-07/schema#', 'http://json-schema.org/draft-07/schema'];

const REFUSED: Readonly<Record<string, string>> = {
  pattern: 'Use an expectation: its functions take linear time.',
  patternProperties: 'List the properties, or use additionalProperties.',
  $dynamicRef: 'Use $ref to a schema in $defs.',
  $dynamicAnchor: 'Use $ref to a schema in $defs.',
  $recursiveRef: 'Use $ref to a schema in $defs.',
  $recursiveAnchor: 'Use $ref to a schema in $defs.',
  $anchor: 'Use $ref with a path, such as "#/$defs/money".',
};
const ONE = new Set(['items', 'additionalItems', 'additionalProperties', 'not', 'if', 'then', 'else', 'contains', 'propertyNames', 'unevaluatedItems', 'unevaluatedProperties']);
const MANY = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items']);
const NAMED = new Set(['properties', '$defs', 'definitions', 'dependentSchemas', 'dependencies']);
/** Their values are data, in which any name may stand. */
const DATA = new Set(['const', 'enum', 'default', 'examples']);

interface Seen {
  problems: SchemaProblem[];
  /** Of each subschema: its own size and the schemas that it refers to. */
  sizes: Map<string, { children: string[]; ref?: string }>;
}

/**
 * Holds a schema to what may safely judge strangers' data: no regular expressions (they can backtrack for hours), no
 * references to elsewhere, nothing that unfolds without bound, no check that is quadratic in the data.
 * @returns all faults; empty when there is none
 */
export function vetSchema(schema: unknown): SchemaProblem[] {
  if (!isObject(schema)) return [{ path: '', message: 'The schema is no object.', expected: 'a JSON Schema', got: typeOf(schema) }];
  const depth = depthOf(schema);
  if (depth > schemaLimits.depth) return [{ path: '', message: 'The schema is nested too deep.', expected: `at most ${schemaLimits.depth} levels`, got: depth === Infinity ? 'more than 1000' : `${depth}` }];
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > schemaLimits.bytes) return [{ path: '', message: 'The schema is too large.', expected: `at most ${schemaLimits.bytes} bytes`, got: `${bytes}` }];
  const seen: Seen = { problems: [], sizes: new Map() };
  visit(schema, '', seen);
  if (seen.problems.length === 0) checkReferences(seen);
  return seen.problems;
}

function visit(schema: unknown, path: string, seen: Seen): void {
  // `true` and `false` are schemas too; what is neither is for the validator to refuse.
  if (!isObject(schema)) return void seen.sizes.set(path, { children: [] });
  const children: string[] = [];
  const child = (value: unknown, at: string): void => {
    children.push(at);
    visit(value, at, seen);
  };
  const problem = (keyword: string, message: string, more: Partial<SchemaProblem> = {}): void =>
    void seen.problems.push({ path: `${path}/${escape(keyword)}`, message, ...more });
  let ref: string | undefined;
  for (const [keyword, value] of Object.entries(schema)) {
    const at = `${path}/${escape(keyword)}`;
    if (Object.hasOwn(REFUSED, keyword)) problem(keyword, `"${keyword}" is not allowed in a contract.`, { hint: REFUSED[keyword] });
    else if (keyword === '$schema' && !DIALECTS.includes(String(value))) problem(keyword, 'The schema follows an unknown dialect.', { expected: `${DIALECTS[0]} or ${DIALECTS[1]}`, got: String(value) });
    else if (keyword === '$id' && path !== '') problem(keyword, 'Only the whole schema may have an "$id".', { hint: 'Leave it out.' });
    else if (keyword === '$ref') {
      if (typeof value === 'string' && /^#\/(?:\$defs|definitions)\/[^/]+$/.test(value)) ref = value.slice(1);
      else problem(keyword, 'A reference leads out of the schema.', { expected: '#/$defs/… or #/definitions/…', got: String(value), hint: 'Copy the schema into $defs.' });
    } else if (keyword === 'uniqueItems' && value === true && !(typeof schema.maxItems === 'number' && schema.maxItems <= schemaLimits.uniqueItems)) {
      problem(keyword, '"uniqueItems" compares every item with every other.', { expected: `maxItems of at most ${schemaLimits.uniqueItems} beside it` });
    } else if (MANY.has(keyword) && Array.isArray(value)) value.forEach((item, index) => child(item, `${at}/${index}`));
    else if (ONE.has(keyword)) child(value, at);
    else if (NAMED.has(keyword) && isObject(value)) for (const [name, item] of Object.entries(value)) if (!Array.isArray(item)) child(item, `${at}/${escape(name)}`);
    if (!DATA.has(keyword) && isObject(value) && !NAMED.has(keyword) && Object.hasOwn(value, '$data')) problem(keyword, '"$data" is not allowed in a contract.', { hint: 'Compare fields in an expectation.' });
  }
  // Definitions cost nothing until something refers to them.
  const used = children.filter((at) => !/^\/(?:\$defs|definitions)\//.test(at.slice(path.length)));
  seen.sizes.set(path, { children: used, ref });
}

/** A definition that refers to another twice, which does the same again, doubles the work with each level. */
function checkReferences({ sizes, problems }: Seen): void {
  const unfolded = new Map<string, number>();
  const open = new Set<string>();
  const count = (path: string, from: string): number => {
    const node = sizes.get(path);
    if (node === undefined) {
      problems.push({ path: `${from}/$ref`, message: 'A reference leads nowhere.', got: `#${path}` });
      return 1;
    }
    const known = unfolded.get(path);
    if (known !== undefined) return known;
    if (open.has(path)) {
      problems.push({ path: `${from}/$ref`, message: 'The schema contains itself.', got: `#${path}`, hint: 'Write the levels out: an event has a known shape.' });
      return 1;
    }
    open.add(path);
    let size = 1;
    for (const child of node.children) size += count(child, path);
    if (node.ref !== undefined) size += count(node.ref, path);
    open.delete(path);
    unfolded.set(path, size);
    return size;
  };
  const total = count('', '');
  if (total > schemaLimits.unfolded) problems.push({ path: '', message: 'The schema unfolds to too many parts.', expected: `at most ${schemaLimits.unfolded}`, got: `${total}` });
}

const escape = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const typeOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value);

function depthOf(value: unknown, level = 0): number {
  if (typeof value !== 'object' || value === null) return level;
  if (level > 1_000) return Infinity;
  return Object.values(value).reduce<number>((deepest, item) => Math.max(deepest, depthOf(item, level + 1)), level + 1);
}
