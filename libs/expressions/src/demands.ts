import { fieldOf } from './schema-change';
import type { Node } from './syntax';

/**
 * What an expression takes for granted about the paths that it reads: each list holds those for which it does not ask
 * first. `data.legs[].from` is a field of the items of a list.
 */
export interface Demands {
  /** Read although it may be absent: neither `has(data.x)` nor `"x" in data` stands before. */
  readonly present: readonly string[];
  /** Computed with although it may be null: neither `data.x != null` nor a comparison of `type(data.x)` stands before. */
  readonly notNull: readonly string[];
  /** Computed with although it may be of another type: no comparison of `type(data.x)` stands before. */
  readonly typed: readonly string[];
  /** Looked up by, although what it holds may be no key there: `data.x in …` does not stand before. */
  readonly member: readonly string[];
}

type Kind = keyof Demands;
/** What is known where a node is evaluated: a kind and a path each. */
type Known = ReadonlySet<string>;
interface Scope {
  known: Known;
  /** What the variable of a loop stands for; undefined: nothing that has a path. */
  bound: ReadonlyMap<string, string | undefined>;
}
type Loop = { iterable: Node; iterVarName: string; init: Node; step: Node };

/** Reads a tree in which what is refused has been refused. A guard counts where it stands before what it guards, in `&&`, `||` or `?:`. */
export function demandsOf(root: Node, variables: ReadonlySet<string>): Demands {
  const found: Record<Kind, Set<string>> = { present: new Set(), notNull: new Set(), typed: new Set(), member: new Set() };

  const pathOf = (node: Node, { bound }: Scope): string | undefined => {
    if (node.op === 'id') return bound.has(node.args as string) ? bound.get(node.args as string) : variables.has(node.args as string) ? (node.args as string) : undefined;
    if (node.op !== '.' && node.op !== '[]') return undefined;
    const [object, name] = node.args as [Node, string | Node];
    const path = pathOf(object, { known: new Set(), bound });
    if (path === undefined) return undefined;
    const field = typeof name === 'string' ? name : textOf(name);
    return field === undefined ? `${path}[]` : fieldOf(path, field);
  };
  /** What the items of a list come from: a filter hands on those of the list that it reads. */
  const originOf = (node: Node, scope: Scope): string | undefined => {
    const loop = node.meta.alternate ?? node;
    return loop.op === 'comprehension' ? originOf((loop.args as Loop).iterable, scope) : pathOf(node, scope);
  };
  const demand = (kind: Kind, path: string, { known }: Scope): void => {
    if (/[.[]/.test(path) && !known.has(`${kind} ${path}`)) found[kind].add(path);
  };

  const read = (node: Node, scope: Scope, computed: boolean): boolean => {
    const path = pathOf(node, scope);
    if (path === undefined) return false;
    for (const above of [...prefixesOf(path), path]) {
      demand('present', above, scope);
      if (above === path && !computed) continue;
      demand('notNull', above, scope);
      demand('typed', above, scope);
    }
    indexesOf(node).forEach((index) => {
      const by = pathOf(index, scope);
      if (by !== undefined) demand('member', by, scope);
      visit(index, scope);
    });
    return true;
  };

  /** @param computed false: the value is only compared, which any value can be */
  const visit = (node: Node, scope: Scope, computed = true): void => {
    const { alternate, macro } = node.meta;
    if (alternate) return visit(alternate, scope);
    // has() asks for the last field of its path; what it stands in must be there.
    if (macro) return macro.args.forEach((argument) => visit((argument.args as [Node])[0], scope));
    if (read(node, scope, computed)) return;
    const { args } = node;
    const within = (more: string[]): Scope => ({ ...scope, known: new Set([...scope.known, ...more]) });
    switch (node.op) {
      case '?:': {
        const [condition, yes, no] = args as [Node, Node, Node];
        visit(condition, scope);
        visit(yes, within(learnt(condition, true, scope)));
        return visit(no, within(learnt(condition, false, scope)));
      }
      case '&&': case '||': {
        const [left, right] = args as [Node, Node];
        visit(left, scope);
        return visit(right, within(learnt(left, node.op === '&&', scope)));
      }
      case 'comprehension': {
        const { iterable, iterVarName, init, step } = args as Loop;
        const items = originOf(iterable, scope);
        visit(iterable, scope);
        visit(init, scope);
        return visit(step, { ...scope, bound: new Map([...scope.bound, [iterVarName, items === undefined ? undefined : `${items}[]`]]) });
      }
      case '[]': {
        const [object, index] = args as [Node, Node];
        const by = pathOf(index, scope);
        if (by !== undefined) demand('member', by, scope);
        visit(object, scope);
        return visit(index, scope, by === undefined);
      }
      case '==': case '!=':
        return (args as Node[]).forEach((side) => visit(side, scope, false));
      case 'in': {
        const [item, among] = args as [Node, Node];
        visit(item, scope, false);
        return visit(among, scope);
      }
      case 'call': {
        const [name, given] = args as [string, Node[]];
        return given.forEach((argument) => visit(argument, scope, name !== 'type'));
      }
      default:
        return childrenOf(node).forEach((child) => visit(child, scope));
    }
  };

  /** What is known of paths when a condition is true, or false. */
  const learnt = (node: Node, holds: boolean, scope: Scope): string[] => {
    const facts = (path: string | undefined, ...kinds: Kind[]): string[] =>
      path === undefined ? [] : [...prefixesOf(path), path].flatMap((one) => kinds.map((kind) => `${kind} ${one}`));
    const { macro } = node.meta;
    if (macro) return holds ? macro.args.flatMap((argument) => facts(pathOf(argument, scope), 'present')) : [];
    switch (node.op) {
      case '!_': return learnt(node.args as Node, !holds, scope);
      case '&&': case '||': return holds === (node.op === '&&') ? (node.args as Node[]).flatMap((one) => learnt(one, holds, scope)) : [];
      case 'in': {
        const [item, among] = node.args as [Node, Node];
        const [field, path] = [textOf(item), pathOf(among, scope)];
        if (!holds) return [];
        return field !== undefined && path !== undefined ? facts(fieldOf(path, field), 'present') : facts(pathOf(item, scope), 'member');
      }
      case '==': case '!=': {
        const [left, right] = node.args as [Node, Node];
        const equal = holds === (node.op === '==');
        return [[left, right], [right, left]].flatMap(([one, other]) => {
          if (isNull(other)) return equal ? [] : facts(pathOf(one, scope), 'present', 'notNull');
          if (one.op !== 'call' || (one.args as [string])[0] !== 'type') return [];
          const path = pathOf((one.args as [string, Node[]])[1][0], scope);
          const nullType = other.op === 'id' && other.args === 'null_type';
          if (equal === nullType) return [];
          return facts(path, 'present', 'notNull', ...(nullType ? [] : ['typed' as const]));
        });
      }
      default: return [];
    }
  };

  visit(root, { known: new Set(), bound: new Map() });
  return { present: [...found.present], notNull: [...found.notNull], typed: [...found.typed], member: [...found.member] };
}

const textOf = (node: Node): string | undefined => (node.op === 'value' && typeof node.args === 'string' ? node.args : undefined);
const isNull = (node: Node): boolean => node.op === 'value' && node.args === null;

/** What a path stands in: `data.a.b` in `data.a` and in `data`. */
const prefixesOf = (path: string): string[] => [...path.matchAll(/[.[]/g)].map(({ index }) => path.slice(0, index));

/** Indexes in a path that are no text: what decides them is read as well. */
function indexesOf(node: Node): Node[] {
  if (node.op !== '.' && node.op !== '[]') return [];
  const [object, index] = node.args as [Node, string | Node];
  return [...indexesOf(object), ...(typeof index === 'string' || index.op === 'value' ? [] : [index])];
}

function childrenOf({ op, args }: Node): Node[] {
  if (op === 'rcall') return [(args as [string, Node])[1], ...(args as [string, Node, Node[]])[2]];
  return [args].flat(3).filter((one): one is Node => typeof one === 'object' && one !== null && 'op' in one);
}
