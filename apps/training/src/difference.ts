import { canonicalJson } from '@rhei/expressions';

/** One thing in which two runs differ, as text; empty where one of them has none. */
export interface RunDifference {
  what: string;
  a: string;
  b: string;
}

type Json = null | boolean | number | string | Json[] | { [field: string]: Json };

/** Where two values of JSON differ, by path: objects field by field, all else as a whole. */
export function differencesIn(path: string, a: unknown, b: unknown): RunDifference[] {
  return compare(path, plain(a), plain(b));
}

// As they would be read back: what was recorded has been through JSON.
const plain = (value: unknown): Json | undefined => (value === undefined ? undefined : (JSON.parse(canonicalJson(value)) as Json));

function compare(path: string, a: Json | undefined, b: Json | undefined): RunDifference[] {
  if (isObject(a) && isObject(b)) return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort().flatMap((field) => compare(`${path}.${field}`, a[field], b[field]));
  const [one, other] = [textOf(a), textOf(b)];
  return one === other ? [] : [{ what: path, a: one, b: other }];
}

const isObject = (value: Json | undefined): value is { [field: string]: Json } => typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: Json | undefined): string => (value === undefined ? '' : typeof value === 'string' ? value : canonicalJson(value));
