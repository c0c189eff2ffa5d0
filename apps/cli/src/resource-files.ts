import { RheiError } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, LineCounter, parseAllDocuments, type Document } from 'yaml';
import { sourceOffset } from './yaml-offset';

/** A resource as it stands in a file, and a way to point at any part of it. */
export interface ResourceInFile {
  kind: string;
  name: string;
  spec: Record<string, unknown>;
  specJson: string;
  file: string;
  /** `file:line:column` of a JSON pointer, of its nearest parent that is there, and of an offset inside a string. */
  locate(path: string, offset?: number): string;
}

export interface FileProblem {
  at: string;
  message: string;
  expected?: string;
  got?: string;
  hint?: string;
}

/** Several faults of files; each line says where. */
export class FileProblems extends RheiError {
  constructor(readonly problems: FileProblem[]) {
    super('invalid', problems.map(describeProblem).join('\n'));
  }
}

export const describeProblem = ({ at, message, expected, got, hint }: FileProblem): string =>
  `${at}: ${hint && !expected && !got ? message.replace(/\.$/, '') : message}${expected ? ` (expected ${expected}${got ? `, got ${got}` : ''})` : got ? ` (got ${got})` : ''}${hint ? `. ${hint}` : ''}`;

/** Reads YAML files, or the YAML files of folders, with all faults at once. A story among them is left out. */
export function readResourceFiles(paths: string[]): ResourceInFile[] {
  const { resources, problems } = readWithProblems(paths);
  if (problems.length > 0) throw new FileProblems(problems);
  return resources;
}

export interface FilesRead {
  resources: ResourceInFile[];
  problems: FileProblem[];
  /** Names in the files that have problems: that such a thing is missing is no fault of what refers to it. */
  doubtful: Set<string>;
}

/** The same, giving what could be read beside what is wrong with the rest: the services can then judge it too. */
export function readWithProblems(paths: string[]): FilesRead {
  const problems: FileProblem[] = [];
  const doubtful = new Set<string>();
  const files = [...new Set(paths.flatMap((path) => filesOf(path, problems)))];
  const first = new Map<string, ResourceInFile>();
  const found = files.flatMap((file) => {
    const before = problems.length;
    const source = readFileSync(file, 'utf8');
    const resources = readFile(file, source, problems);
    if (problems.length > before) for (const [, name] of source.matchAll(/\bname: *["']?([a-z][a-z0-9-]*)/g)) doubtful.add(name);
    return resources;
  });
  for (const resource of found) {
    const id = `${resource.kind}/${resource.name}`;
    const other = first.get(id);
    if (other === undefined) first.set(id, resource);
    else problems.push({ at: resource.locate('/metadata/name'), message: `${resource.kind} "${resource.name}" is there twice; first at ${other.locate('/metadata/name')}` });
  }
  return { resources: [...first.values()], problems, doubtful };
}

function filesOf(path: string, problems: FileProblem[]): string[] {
  if (!existsSync(path)) {
    problems.push({ at: path, message: 'there is no such file or folder' });
    return [];
  }
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).filter((name) => /\.ya?ml$/.test(name)).sort().map((name) => join(path, name));
}

function readFile(file: string, source: string, problems: FileProblem[]): ResourceInFile[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(source, { lineCounter: lines });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    document.errors.forEach((error) => problems.push({ at: at(error.pos[0]), message: `this is no YAML: ${error.message.split('\n')[0].replace(/ at line.*/, '')}` }));
    if (document.errors.length > 0 || document.contents === null || (isScalar(document.contents) && document.contents.value === null)) return [];
    const resource = readDocument({ file, source, document, at }, problems);
    return resource === undefined ? [] : [resource];
  });
}

interface Parsed {
  file: string;
  source: string;
  document: Document.Parsed;
  /** `file:line:column` of an offset in the file. */
  at(offset: number): string;
}

/** Points at a JSON pointer, or at its nearest parent that is there. */
const locator = ({ document, source, at }: Parsed) => (path: string, offset = -1): string => {
  const keys = path.split('/').slice(1).map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  for (let depth = keys.length; depth > 0; depth--) {
    const node: unknown = document.getIn(keys.slice(0, depth).map((key) => (/^\d+$/.test(key) ? Number(key) : key)), true);
    const range = (node as { range?: [number, number, number] } | undefined)?.range;
    if (range === undefined) continue;
    const inside = depth === keys.length && offset >= 0 && isScalar(node);
    return at(range[0] + (inside ? sourceOffset(source.slice(range[0], range[1]), node.type ?? 'PLAIN', offset) : 0));
  }
  return at(document.contents?.range[0] ?? 0);
};

function readDocument(parsed: Parsed, problems: FileProblem[]): ResourceInFile | undefined {
  const { file, document } = parsed;
  const locate = locator(parsed);
  if (!isMap(document.contents)) {
    problems.push({ at: locate(''), message: 'a resource is a map', expected: 'apiVersion, kind, metadata and spec' });
    return undefined;
  }
  const content = valueOf(document, locate, problems);
  if (content === undefined || content.kind === 'Story') return undefined;
  const { apiVersion, kind, metadata, spec, ...rest } = content;
  const before = problems.length;
  const check = (fine: boolean, path: string, message: string, expected: string, got: unknown): void => {
    if (!fine) problems.push({ at: locate(path), message, expected, got: got === undefined ? 'nothing' : JSON.stringify(got) });
  };
  const { name, ...others } = (isObject(metadata) ? metadata : {}) as { name?: unknown };
  check(apiVersion === 'rhei/v1', '/apiVersion', 'this version is not known', 'rhei/v1', apiVersion);
  check(typeof kind === 'string', '/kind', 'a resource has a kind', 'a word such as Source', kind);
  check(typeof name === 'string' && /^[a-z][a-z0-9-]{0,62}$/.test(name), '/metadata/name', 'a resource has a name', 'a lower-case letter, then letters, digits and dashes, at most 63', name);
  check(isObject(spec), '/spec', 'a resource has a spec', 'a map', spec);
  for (const field of Object.keys(others)) check(false, `/metadata/${field}`, `metadata has no field "${field}"`, 'name', field);
  for (const field of Object.keys(rest)) check(false, `/${field}`, `a resource has no field "${field}"`, 'apiVersion, kind, metadata and spec', field);
  if (problems.length > before) return undefined;
  const specJson = jsonOf(spec, locate, problems);
  return specJson === undefined ? undefined : { kind: kind as string, name: name as string, spec: spec as Record<string, unknown>, specJson, file, locate };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function valueOf(document: Document.Parsed, locate: ResourceInFile['locate'], problems: FileProblem[]): Record<string, unknown> | undefined {
  try {
    return document.toJS() as Record<string, unknown>;
  } catch (error) {
    // An alias without an anchor, or one that multiplies without end.
    problems.push({ at: locate(''), message: (error as Error).message });
    return undefined;
  }
}

function jsonOf(spec: unknown, locate: ResourceInFile['locate'], problems: FileProblem[]): string | undefined {
  try {
    return canonicalJson(spec);
  } catch (error) {
    // YAML can say what JSON cannot, such as .inf; the message starts with the path, as in $.events[0].size.
    const [, path = '', message = (error as Error).message] = /^\$(\S*) (.*)$/s.exec((error as Error).message) ?? [];
    problems.push({ at: locate(`/spec${path.replace(/\[(\d+)\]/g, '/$1').replaceAll('.', '/')}`), message });
    return undefined;
  }
}
