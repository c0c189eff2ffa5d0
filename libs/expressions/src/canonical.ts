import { hash } from 'node:crypto';

const DEEPEST = 256;

/**
 * The JSON Canonicalization Scheme, RFC 8785: keys sorted by UTF-16 code units, numbers as ECMAScript writes them, no spaces.
 * A property whose value is undefined is left out, as JSON does.
 * @throws TypeError that names the path of what has no canonical form: NaN, a bigint, a function, a class instance, a lone surrogate, a cycle
 */
export function canonicalJson(value: unknown): string {
  return write(value, []);
}

/** What leads to a value; it is put into words only where something is refused. */
type Path = (string | number)[];

function write(value: unknown, at: Path): string {
  switch (typeof value) {
    case 'string':
      return quote(value, at);
    case 'number':
      if (!Number.isFinite(value)) refuse(at, `${value}`);
      return `${value}`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object': {
      if (value === null) return 'null';
      if (at.length >= DEEPEST) refuse(at, `more than ${DEEPEST} levels, or a cycle`);
      if (Array.isArray(value)) return writeArray(value, at);
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== null && prototype !== Object.prototype) refuse(at, `an instance of ${value.constructor?.name ?? 'a class'}`);
      return writeObject(value as Record<string, unknown>, at);
    }
    default:
      return refuse(at, value === undefined ? 'undefined' : `a ${typeof value}`);
  }
}

function writeArray(items: unknown[], at: Path): string {
  let text = '';
  for (let index = 0; index < items.length; index += 1) {
    at.push(index);
    text += index === 0 ? write(items[index], at) : `,${write(items[index], at)}`;
    at.pop();
  }
  return `[${text}]`;
}

function writeObject(object: Record<string, unknown>, at: Path): string {
  const keys = Object.keys(object);
  // Strings compare by UTF-16 code units, as the RFC demands, and so does sort().
  if (keys.some((key, index) => index > 0 && key < keys[index - 1])) keys.sort();
  let text = '';
  for (const key of keys) {
    const value = object[key];
    if (value === undefined) continue;
    const name = quote(key, at);
    at.push(key);
    text += text === '' ? `${name}:${write(value, at)}` : `,${name}:${write(value, at)}`;
    at.pop();
  }
  return `{${text}}`;
}

/** ASCII that JSON writes as it is: almost every key and most values. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quote(text: string, at: Path): string {
  if (PLAIN.test(text)) return `"${text}"`;
  // With the flag u a pair is one character, so the category "surrogate" means a lone one.
  if (/\p{Cs}/u.test(text)) refuse(at, 'a string with a lone surrogate');
  return JSON.stringify(text);
}

function refuse(at: Path, what: string): never {
  const path = at.reduce<string>((text, step) => (typeof step === 'number' ? `${text}[${step}]` : `${text}.${step}`), '$');
  throw new TypeError(`${path} cannot be written as canonical JSON: it is ${what}.`);
}

/** SHA-256 in lower-case hexadecimal; a string is hashed as UTF-8. */
export const sha256 = (content: Uint8Array | string): string => hash('sha256', content);

/** SHA-256 over the canonical JSON of a value: equal values have equal digests, whatever the order of their keys. */
export const digestOf = (value: unknown): string => sha256(canonicalJson(value));

/**
 * A repeatable random choice: uniform in [0, 1), and always the same for the same (seed, purpose, id).
 * Choices do not depend on one another or on their order, as draws from a shared stream would.
 */
export function hashUnit(seed: number | string, purpose: string, id: number | string): number {
  return Number(BigInt(`0x${digestOf([seed, purpose, id]).slice(0, 13)}`)) / 2 ** 52;
}
