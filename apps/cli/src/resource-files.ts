import { RheiError } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, LineCounter, parseAllDocuments, type Document } from 'yaml';

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
  `${at}: ${message}${expected ? ` (expected ${expected}${got ? `, got ${got}` : ''})` : got ? ` (got ${got})` : ''}${hint ? `. ${hint}` : ''}`;

/** Reads YAML files, or the YAML files of folders, with all faults at once. A story among them is left out. */
export function readResourceFiles(paths: string[]): ResourceInFile[] {
  const problems: FileProblem[] = [];
  const found = paths.flatMap((path) => filesOf(path, problems)).flatMap((file) => readFile(file, problems));
  const first = new Map<string, ResourceInFile>();
  for (const resource of found) {
    const id = `${resource.kind}/${resource.name}`;
    const other = first.get(id);
    if (other === undefined) first.set(id, resource);
    else problems.push({ at: resource.locate('/metadata/name'), message: `${resource.kind} "${resource.name}" is there twice; first at ${other.locate('/metadata/name')}` });
  }
  if (problems.length > 0) throw new FileProblems(problems);
  return [...first.values()];
}

function filesOf(path: string, problems: FileProblem[]): string[] {
  if (!existsSync(path)) {
    problems.push({ at: path, message: 'there is no such file or folder' });
    return [];
  }
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).filter((name) => /\.ya?ml$/.test(name)).sort().map((name) => join(path, name));
}

function readFile(file: string, problems: FileProblem[]): ResourceInFile[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(readFileSync(file, 'utf8'), { lineCounter: lines });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    document.errors.forEach((error) => problems.push({ at: at(error.pos[0]), message: `this is no YAML: ${error.message.split('\n')[0].replace(/ at line.*/, '')}` }));
    if (document.errors.length > 0 || document.contents === null) return [];
    const resource = readDocument(file, document, at, problems);
    return resource === undefined || resource.kind === 'Story' ? [] : [resource];
  });
}

function readDocument(file: string, document: Document.Parsed, at: (offset: number) => string, problems: FileProblem[]): ResourceInFile | undefined {
  const locate = (path: string, offset = -1): string => {
    const keys = path.split('/').slice(1).map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
    for (let depth = keys.length; depth > 0; depth--) {
      const node: unknown = document.getIn(keys.slice(0, depth).map((key) => (/^\d+$/.test(key) ? Number(key) : key)), true);
      const range = (node as { range?: [number, number, number] } | undefined)?.range;
      if (range === undefined) continue;
      const quoted = isScalar(node) && (node.type === 'QUOTE_SINGLE' || node.type === 'QUOTE_DOUBLE') ? 1 : 0;
      return at(range[0] + (depth === keys.length && offset >= 0 ? offset + quoted : 0));
    }
    return at(document.contents?.range[0] ?? 0);
  };
  if (!isMap(document.contents)) {
    problems.push({ at: locate(''), message: 'a resource is a map', expected: 'apiVersion, kind, metadata and spec' });
    return undefined;
  }
  const { apiVersion, kind, metadata, spec, ...rest } = document.toJS() as Record<string, unknown>;
  const before = problems.length;
  const check = (fine: boolean, path: string, message: string, expected: string, got: unknown): void => {
    if (!fine) problems.push({ at: locate(path), message, expected, got: got === undefined ? 'nothing' : JSON.stringify(got) });
  };
  const name = (metadata as { name?: unknown } | undefined)?.name;
  check(apiVersion === 'rhei/v1', '/apiVersion', 'this version is not known', 'rhei/v1', apiVersion);
  check(typeof kind === 'string', '/kind', 'a resource has a kind', 'a word such as Source', kind);
  check(typeof name === 'string' && /^[a-z][a-z0-9-]{0,62}$/.test(name), '/metadata/name', 'a resource has a name', 'lower-case letters, digits and dashes, at most 63', name);
  check(typeof spec === 'object' && spec !== null && !Array.isArray(spec), '/spec', 'a resource has a spec', 'a map', spec);
  for (const field of Object.keys(rest)) check(false, `/${field}`, `a resource has no field "${field}"`, 'apiVersion, kind, metadata and spec', field);
  if (problems.length > before) return undefined;
  return { kind: kind as string, name: name as string, spec: spec as Record<string, unknown>, specJson: canonicalJson(spec), file, locate };
}
