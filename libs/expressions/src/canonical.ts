import { createHash } from 'node:crypto';

const DEEPEST = 256;

/**
 * The JSON Canonicalization Scheme, RFC 8785: keys sorted by UTF-16 code units, numbers as ECMAScript writes them, no spaces.
 * A property whose value is undefined is left out, as JSON does.
 * @throws TypeError that names the path of what has no canonical form: NaN, a bigint, a function, a class instance, a lone surrogate, a cycle
 */
export function canonicalJson(value: unknown): string {
  return write(value, '$', 0);
}

function write(value: unknown, path: string, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(value, path);
    case 'number':
      if (!Number.isFinite(value)) refuse(path, `${value}`);
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object': {
      if (value === null) return 'null';
      if (depth >= DEEPEST) refuse(path, `more than ${DEEPEST} levels, or a cycle`);
      if (Array.isArray(value)) return `[${value.map((item, index) => write(item, `${path}[${index}]`, depth + 1)).join(',')}]`;
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== null && prototype !== Object.prototype) refuse(path, `an instance of ${value.constructor?.name ?? 'a class'}`);
      return writeObject(value as Record<string, unknown>, path, depth);
    }
    default:
      return refuse(path, value === undefined ? 'undefined' : `a ${typeof value}`);
  }
}

function writeObject(object: Record<string, unknown>, path: string, depth: number): string {
  // The default order of sort() is that of UTF-16 code units, as the RFC demands.
  const keys = Object.keys(object).filter((key) => object[key] !== undefined).sort();
  return `{${keys.map((key) => `${quote(key, path)}:${write(object[key], `${path}.${key}`, depth + 1)}`).join(',')}}`;
}

/** ASCII that JSON writes as it is: almost every key and most values. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quote(text: string, path: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  // With the flag u a pair is one character, so the category "surrogate" means a lone one.
  if (/\p{Cs}/u.test(text)) refuse(path, 'a string with a lone surrogate');
  return JSON.stringify(text);
}

function refuse(path: string, what: string): never {
  throw new TypeError(`${path} cannot be written as canonical JSON: it is ${what}.`);
}

/** SHA-256 in lower-case hexadecimal; a string is hashed as UTF-8. */
export const sha256 = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex');

/** SHA-256 over the canonical JSON of a value: equal values have equal digests, whatever the order of their keys. */
export const digestOf = (value: unknown): string => sha256(canonicalJson(value));

/**
 * A repeatable random choice: uniform in [0, 1), and always the same for the same (seed, purpose, id).
 * Choices do not depend on one another or on their order, as draws from a shared stream would.
 */
export function hashUnit(seed: number | string, purpose: string, id: number | string): number {
  return Number(BigInt(`0x${digestOf([seed, purpose, id]).slice(0, 13)}`)) / 2 ** 52;
}
