import { runtime } from '@rhei/contracts';
import type { z } from 'zod';
import { escaped } from './resource-diff';
import type { Bundle, ReferredKind, ResourceKind, ResourceProblem, Service } from './service';

/** A resource whose JSON could be read; `spec` as the user wrote it. */
export interface Readable {
  kind: string;
  name: string;
  spec: Record<string, unknown>;
}

/** A resource of this service's own kinds whose shape is right. */
export interface Shaped extends Readable {
  owner: ResourceKind<any>;
  /** After defaults and transforms of the schema. */
  parsed: unknown;
}

export interface Checked {
  /** The service's own, in the order in which they were given. */
  shaped: Shaped[];
  problems: runtime.Problem[];
}

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Judges the resources of the service's own kinds, and those of the kinds that it reads by what it needs of them; the others
 * only answer references. Finds all problems, not the first.
 */
export async function checkBundle({ name: service, resources: kinds = [], refers = [] }: Pick<Service, 'name' | 'resources' | 'refers'>, deps: unknown, resources: runtime.Resource[]): Promise<Checked> {
  const problems: runtime.Problem[] = [];
  const owners = new Map(kinds.map((kind) => [kind.kind, kind]));
  const readable = resources.flatMap((resource) => readResource(resource, owners.has(resource.kind), problems));
  const bundle = bundleOf(readable);
  const seen = new Set<string>();
  const mended: Shaped[] = [];
  const shaped = readable.flatMap((resource): Shaped[] => {
    const owner = owners.get(resource.kind);
    if (!owner) return [];
    const id = JSON.stringify([resource.kind, resource.name]);
    if (seen.has(id)) problems.push(problem(resource, { path: '/metadata/name', message: `${resource.kind} "${resource.name}" stands in the bundle twice.`, hint: 'Remove one of them.' }));
    seen.add(id);
    if (!NAME.test(resource.name)) {
      problems.push(problem(resource, { path: '/metadata/name', message: 'The name cannot be used.', expected: 'lower-case letters, digits and hyphens, 63 at most', got: JSON.stringify(resource.name) }));
    }
    const result = owner.schema.safeParse(resource.spec);
    if (result.success) return [{ ...resource, owner, parsed: result.data }];
    problems.push(...result.error.issues.flatMap((issue) => fromIssue(issue, resource.spec)).map((found) => problem(resource, found)));
    const rest = owner.schema.safeParse(without(resource.spec, result.error.issues));
    if (rest.success) mended.push({ ...resource, owner, parsed: rest.data });
    return [];
  });
  // A fault of shape must not hide those of the rules: what is left of such a resource is judged too, and never applied.
  for (const { owner, parsed, ...resource } of [...shaped, ...mended]) {
    const found = await owner.check(deps, { name: resource.name, spec: parsed }, bundle);
    problems.push(...found.map((one) => problem(resource, one)));
  }
  for (const resource of readable) {
    const found = await Promise.all(refers.filter(({ kind }: ReferredKind<any>) => kind === resource.kind).map((referred) => referred.check(deps, { name: resource.name, spec: resource.spec }, bundle)));
    // It stands among the problems of the owner: the reader wants to know who objects.
    problems.push(...found.flat().map((one) => problem(resource, { ...one, message: `${service}: ${one.message}` })));
  }
  return { shaped, problems };
}

function readResource({ kind, name, specJson }: runtime.Resource, own: boolean, problems: runtime.Problem[]): Readable[] {
  try {
    const spec = JSON.parse(specJson) as unknown;
    if (typeof spec === 'object' && spec !== null && !Array.isArray(spec)) return [{ kind, name, spec: spec as Record<string, unknown> }];
    if (own) problems.push(problem({ kind, name }, { path: '/spec', message: 'The spec is no object.', expected: 'fields and values' }));
  } catch {
    if (own) problems.push(problem({ kind, name }, { path: '/spec', message: 'The spec is no JSON.', expected: 'canonical JSON' }));
  }
  return [];
}

/** The spec less the fields at which its shape is wrong. */
function without(spec: Record<string, unknown>, issues: readonly z.core.$ZodIssue[]): Record<string, unknown> {
  const copy = structuredClone(spec);
  for (const issue of issues) {
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    for (const path of paths) {
      const parent = path.slice(0, -1).reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined), copy);
      if (typeof parent === 'object' && parent !== null && path.length > 0) delete (parent as Record<PropertyKey, unknown>)[path[path.length - 1]];
    }
  }
  return copy;
}

function bundleOf(resources: Readable[]): Bundle {
  const specs = new Map(resources.map(({ kind, name, spec }) => [JSON.stringify([kind, name]), spec]));
  return { find: (kind, name) => specs.get(JSON.stringify([kind, name])) };
}

const problem = ({ kind, name }: { kind: string; name: string }, { path, message, expected = '', got = '', hint = '', offset = -1 }: ResourceProblem): runtime.Problem =>
  ({ kind, name, path, message, expected, got, hint, offset });

/** zod's finding in our words: where, what was expected, what is there. */
function fromIssue(issue: z.core.$ZodIssue, spec: unknown): ResourceProblem[] {
  const pointer = (path: PropertyKey[]) => `/spec${path.map((part) => `/${escaped(String(part))}`).join('')}`;
  const at = issue.path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | null | undefined)?.[part], spec);
  const got = at === undefined ? 'nothing' : shortened(JSON.stringify(at));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: pointer([...issue.path, key]), message: `The field "${key}" is not known here.`, hint: 'Check its spelling, or remove it.' }));
  }
  if (issue.code === 'invalid_type') return [{ path: pointer(issue.path), message: at === undefined ? 'The field is missing.' : 'The value has another type.', expected: issue.expected, got }];
  if (issue.code === 'invalid_value') return [{ path: pointer(issue.path), message: 'The value is not one of those that are possible.', expected: issue.values.map(String).join(', '), got }];
  // A schema's own messages say what was expected.
  return [{ path: pointer(issue.path), message: issue.message, got }];
}

const shortened = (text: string): string => (text.length <= 120 ? text : `${text.slice(0, 117)}…`);
