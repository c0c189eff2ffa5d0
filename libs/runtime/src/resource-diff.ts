import type { runtime } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';

/** What differs between two specs, by JSON pointer below `/spec`; values as canonical JSON, empty where there is none. */
export function differences(before: unknown, after: unknown, path = '/spec'): runtime.FieldChange[] {
  const [old, now] = [before === undefined ? '' : canonicalJson(before), after === undefined ? '' : canonicalJson(after)];
  if (old === now) return [];
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => differences(before[key], after[key], `${path}/${escaped(key)}`));
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, index) => differences(before[index], after[index], `${path}/${index}`)).flat();
  }
  return [{ path, before: old, after: now }];
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A key as a part of a JSON pointer (RFC 6901). */
export const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
