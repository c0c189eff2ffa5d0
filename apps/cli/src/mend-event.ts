import { RheiError } from '@rhei/contracts';
import { readFileSync } from 'node:fs';

/** What a person says is to be changed in an event. */
export interface EventChange {
  /** `path=value`; the value is JSON, or a text where it is none. */
  set: string[];
  /** Paths that are taken away. */
  unset: string[];
}

/**
 * The event with the changes made, in their order. Paths are written as faults name them: `data.delay`, `data.legs[0].from`,
 * `data["odd name"]`, `time`. Errors: `invalid` for a path that is none, or leads through a value that has no fields.
 */
export function changedEvent(event: Record<string, unknown>, { set, unset }: EventChange): Record<string, unknown> {
  const copy = structuredClone(event);
  for (const text of set) {
    const at = text.search(/(?<!\[[^\]]*)=/);
    if (at < 1) throw new RheiError('invalid', `"${text}" sets nothing: expected path=value.`, { field: '--set', expected: 'path=value', got: text, hint: '--set data.delay=12' });
    const path = partsOf(text.slice(0, at), '--set');
    const parent = parentOf(copy, path, '--set');
    parent[path[path.length - 1]] = valueOf(text.slice(at + 1));
  }
  for (const text of unset) {
    const path = partsOf(text, '--unset');
    const parent = parentOf(copy, path, '--unset');
    const last = path[path.length - 1];
    if (!Object.hasOwn(parent, last)) throw new RheiError('invalid', `The event has no ${text} to take away.`, { field: '--unset', expected: 'a field of the event', got: text });
    if (Array.isArray(parent)) parent.splice(Number(last), 1);
    else delete parent[last];
  }
  return copy;
}

/** JSON that is given as it is, or in a file. Errors: `invalid` for a file that cannot be read, or holds no JSON. */
export function jsonOrFile(text: string, option: string): string {
  if (isJson(text)) return text;
  let content: string;
  try {
    content = readFileSync(text, 'utf8');
  } catch (error) {
    throw new RheiError('invalid', `${option}: "${text}" is neither JSON nor a file that can be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`, { field: option, expected: 'JSON, or the path of a file that holds it', got: text });
  }
  if (!isJson(content)) throw new RheiError('invalid', `${option}: the file ${text} holds no JSON.`, { field: option, expected: 'JSON', got: content.slice(0, 60) });
  return content;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const valueOf = (text: string): unknown => (isJson(text) ? (JSON.parse(text) as unknown) : text);

/** `data.legs[0]["odd name"]` → `['data', 'legs', '0', 'odd name']`. */
function partsOf(path: string, option: string): string[] {
  const parts = path.match(/(?:^|\.)[A-Za-z_]\w*|\[\d+\]|\["[^"]*"\]/g) ?? [];
  if (parts.length === 0 || parts.join('') !== path || !/^[A-Za-z_]/.test(path)) {
    throw new RheiError('invalid', `"${path}" is no path into an event: expected one such as data.delay or data.legs[0].from.`, { field: option, expected: 'a path such as data.delay', got: path });
  }
  return parts.map((part) => (part.startsWith('["') ? part.slice(2, -2) : part.startsWith('[') ? part.slice(1, -1) : part.replace(/^\./, '')));
}

function parentOf(event: Record<string, unknown>, path: string[], option: string): Record<string, unknown> {
  return path.slice(0, -1).reduce<Record<string, unknown>>((at, part, index) => {
    // Where nothing is yet, an object begins.
    if (option === '--set' && !Object.hasOwn(at, part)) at[part] = {};
    const inner = Object.hasOwn(at, part) ? at[part] : undefined;
    if (typeof inner === 'object' && inner !== null) return inner as Record<string, unknown>;
    const where = path.slice(0, index + 1).join('.');
    throw new RheiError('invalid', `${where} of the event has no fields: it is ${JSON.stringify(inner) ?? 'nothing'}.`, { field: option, expected: `an object at ${where}`, got: JSON.stringify(inner) ?? 'nothing' });
  }, event);
}
