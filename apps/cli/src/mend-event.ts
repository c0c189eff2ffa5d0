import { RheiError, type ErrorDetails } from '@rhei/contracts';
import { readFileSync } from 'node:fs';

/** What a person says is to be changed in an event. */
export interface EventChange {
  /** `path=path`: what stands at the first goes to the second. */
  rename: string[];
  /** `path=value`; the value is JSON, or a text where it is none. */
  set: string[];
  /** Paths that are taken away. */
  unset: string[];
}

/**
 * What makes the changes in a copy of an event: renamed, set, taken away, each in its order. Paths are written as faults
 * name them: `data.delay`, `data.legs[0].from`, `data["odd name"]`, `time`. Errors, of this and of what it returns: `invalid`
 * for what is no path, and for a path that leads through a value without fields.
 */
export function changing({ rename, set, unset }: EventChange): (event: Record<string, unknown>) => Record<string, unknown> {
  const changes = [
    ...rename.map((text) => {
      const [from, to] = sides(text) ?? raise(`"${text}" renames nothing: expected path=path.`, { field: '--rename', expected: 'path=path', got: text, hint: '--rename data.delayMinutes=data.delay' });
      const [old, renamed] = [partsOf(from, '--rename'), partsOf(to, '--rename')];
      return (event: Record<string, unknown>) => {
        const value = taken(event, old, '--rename');
        const [parent, last] = placeOf(event, renamed, '--rename');
        if (Object.hasOwn(parent, last)) raise(`The event has a ${to} already: ${JSON.stringify(parent[last])}.`, { field: '--rename', expected: `an event without ${to}`, got: text, hint: `--set ${to}=VALUE puts another value there` });
        parent[last] = value;
      };
    }),
    ...set.map((text) => {
      const [path, value] = sides(text) ?? raise(`"${text}" sets nothing: expected path=value.`, { field: '--set', expected: 'path=value', got: text, hint: '--set data.delay=12' });
      const parts = partsOf(path, '--set');
      return (event: Record<string, unknown>) => {
        const [parent, last] = placeOf(event, parts, '--set');
        parent[last] = valueOf(value);
      };
    }),
    ...unset.map((text) => {
      const parts = partsOf(text, '--unset');
      return (event: Record<string, unknown>) => void taken(event, parts, '--unset');
    }),
  ];
  return (event) => {
    const copy = structuredClone(event);
    for (const change of changes) change(copy);
    return copy;
  };
}

function raise(message: string, details: ErrorDetails): never {
  throw new RheiError('invalid', message, details);
}

/** Around the first `=` that stands in no brackets; undefined without one. */
function sides(text: string): [string, string] | undefined {
  const at = text.search(/(?<!\[[^\]]*)=/);
  return at < 1 ? undefined : [text.slice(0, at), text.slice(at + 1)];
}

/** What holds a field, made where nothing is yet, and the field's name in it. */
function placeOf(event: Record<string, unknown>, path: string[], option: string): [parent: Record<string, unknown>, last: string] {
  return [parentOf(event, path, option, true), path[path.length - 1]];
}

function taken(event: Record<string, unknown>, path: string[], option: string): unknown {
  const parent = parentOf(event, path, option, false);
  const last = path[path.length - 1];
  if (!Object.hasOwn(parent, last)) raise(`The event has no ${path.join('.')} to take away.`, { field: option, expected: 'a field of the event', got: path.join('.') });
  const value = parent[last];
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
  return value;
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

function parentOf(event: Record<string, unknown>, path: string[], option: string, begins: boolean): Record<string, unknown> {
  return path.slice(0, -1).reduce<Record<string, unknown>>((at, part, index) => {
    // Where nothing is yet, an object begins.
    if (begins && !Object.hasOwn(at, part)) at[part] = {};
    const inner = Object.hasOwn(at, part) ? at[part] : undefined;
    if (typeof inner === 'object' && inner !== null) return inner as Record<string, unknown>;
    const where = path.slice(0, index + 1).join('.');
    throw new RheiError('invalid', `${where} of the event has no fields: it is ${JSON.stringify(inner) ?? 'nothing'}.`, { field: option, expected: `an object at ${where}`, got: JSON.stringify(inner) ?? 'nothing' });
  }, event);
}
