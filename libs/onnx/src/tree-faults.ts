import { nodeName } from './operators';
import type { Attribute, Node } from './proto';

const MODES = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ'];
const MAX_TARGETS = 1_000;

/**
 * What is wrong with a TreeEnsembleRegressor that reads `columns` columns: a runtime trusts these lists, and a loop, an index
 * out of range or a leaf without a value would hang it or make it read foreign memory. Its attributes have been checked
 * for name and type. Stops at the first fault: the lists of a broken ensemble may have millions.
 */
export function treeFaults(node: Node, at: number, columns: number, maxDepth: number): string[] {
  try {
    checkTrees(new Map(node.attribute.map((attribute) => [attribute.name ?? '', attribute])), columns, maxDepth);
    return [];
  } catch (error) {
    if (error instanceof TreeFault) return [`${nodeName(node, at)}: ${error.message}`];
    throw error;
  }
}

class TreeFault extends Error {}

function demand(holds: boolean, otherwise: () => string): asserts holds {
  if (!holds) throw new TreeFault(otherwise());
}

/** The lists of an ensemble, each of its own length: checked to agree before anything else is. */
interface Lists {
  readonly trees: readonly number[];
  readonly nodes: readonly number[];
  readonly modes: readonly (string | undefined)[];
  readonly columns: readonly number[];
  readonly values: readonly number[];
  readonly yes: readonly number[];
  readonly no: readonly number[];
  readonly leafTrees: readonly number[];
  readonly leafNodes: readonly number[];
  readonly leafTargets: readonly number[];
  readonly weights: readonly number[];
}

type Attributes = ReadonlyMap<string, Attribute>;

const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1'));

function checkTrees(attributes: Attributes, columns: number, maxDepth: number): void {
  const lists = listsOf(attributes);
  const targets = checkSettings(attributes);
  const begins = treeBegins(lists.trees, lists.nodes);
  const valued = checkLeaves(lists, begins, targets);
  const seen = new Uint8Array(lists.trees.length);
  for (const [tree, begin] of begins) walkTree(lists, tree, begin, { seen, valued, columns, maxDepth });
  const lost = seen.indexOf(0);
  demand(lost < 0, () => `the node at position ${lost} is not reached from its root.`);
}

function listsOf(attributes: Attributes): Lists {
  const ints = (name: string) => attributes.get(name)?.ints ?? [];
  const floats = (name: string) => attributes.get(name)?.floats ?? [];
  const lists: Lists = {
    trees: ints('nodes_treeids'),
    nodes: ints('nodes_nodeids'),
    modes: (attributes.get('nodes_modes')?.strings ?? []).map(text),
    columns: ints('nodes_featureids'),
    values: floats('nodes_values'),
    yes: ints('nodes_truenodeids'),
    no: ints('nodes_falsenodeids'),
    leafTrees: ints('target_treeids'),
    leafNodes: ints('target_nodeids'),
    leafTargets: ints('target_ids'),
    weights: floats('target_weights'),
  };
  demand(lists.trees.length > 0, () => 'the ensemble has no nodes; expected one at least.');
  sameLength('nodes_treeids', lists.trees.length, {
    nodes_nodeids: lists.nodes, nodes_modes: lists.modes, nodes_featureids: lists.columns, nodes_values: lists.values,
    nodes_truenodeids: lists.yes, nodes_falsenodeids: lists.no,
    ...(attributes.has('nodes_missing_value_tracks_true') && { nodes_missing_value_tracks_true: ints('nodes_missing_value_tracks_true') }),
    ...(attributes.has('nodes_hitrates') && { nodes_hitrates: floats('nodes_hitrates') }),
  });
  sameLength('target_treeids', lists.leafTrees.length, { target_nodeids: lists.leafNodes, target_ids: lists.leafTargets, target_weights: lists.weights });
  return lists;
}

/** Returns the number of targets. */
function checkSettings(attributes: Attributes): number {
  const targets = attributes.get('n_targets')?.i ?? 1;
  demand(targets >= 1 && targets <= MAX_TARGETS, () => `n_targets is ${targets}; expected 1 to ${MAX_TARGETS}.`);
  const base = attributes.get('base_values')?.floats ?? [];
  demand(base.length === 0 || base.length === targets, () => `base_values has ${base.length} entries; expected ${targets} (n_targets).`);
  demand(base.every(Number.isFinite), () => 'a base value is not finite.');
  const how = text(attributes.get('aggregate_function')?.s) ?? 'SUM';
  demand(['SUM', 'AVERAGE', 'MIN', 'MAX'].includes(how), () => `aggregate_function is "${how}"; expected SUM, AVERAGE, MIN or MAX.`);
  const after = text(attributes.get('post_transform')?.s) ?? 'NONE';
  demand(after === 'NONE', () => `post_transform is "${after}"; expected NONE (use an operator of its own).`);
  return targets;
}

/** Where each tree begins. Nodes of a tree stand together, numbered from 0. */
function treeBegins(trees: readonly number[], nodes: readonly number[]): Map<number, number> {
  const begins = new Map<number, number>();
  trees.forEach((tree, place) => {
    if (tree !== trees[place - 1]) {
      demand(!begins.has(tree), () => `the nodes of tree ${tree} do not stand together.`);
      begins.set(tree, place);
    }
    const expected = place - (begins.get(tree) ?? 0);
    demand(nodes[place] === expected, () => `the node at position ${place} is number ${nodes[place]} of tree ${tree}; expected ${expected}.`);
  });
  return begins;
}

/** Returns which nodes are leaves with a value. */
function checkLeaves({ trees, modes, leafTrees, leafNodes, leafTargets, weights }: Lists, begins: ReadonlyMap<number, number>, targets: number): Uint8Array {
  const valued = new Uint8Array(trees.length);
  leafTrees.forEach((tree, entry) => {
    const place = (begins.get(tree) ?? NaN) + leafNodes[entry];
    const target = leafTargets[entry];
    demand(trees[place] === tree && modes[place] === 'LEAF', () => `target entry ${entry} names node ${leafNodes[entry]} of tree ${tree}, which is no leaf.`);
    demand(target >= 0 && target < targets, () => `target entry ${entry} is for target ${target}; expected 0 to ${targets - 1}.`);
    demand(Number.isFinite(weights[entry]), () => `the weight of target entry ${entry} is not finite.`);
    valued[place] = 1;
  });
  return valued;
}

interface Walk {
  readonly seen: Uint8Array;
  readonly valued: Uint8Array;
  readonly columns: number;
  readonly maxDepth: number;
}

function walkTree(lists: Lists, tree: number, begin: number, { seen, valued, columns, maxDepth }: Walk): void {
  const open = [{ place: begin, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { place, depth } = next;
    const where = () => `node ${place - begin} of tree ${tree}`;
    demand(seen[place] === 0, () => `${where()} is reached twice: the tree has a loop or shares a branch.`);
    seen[place] = 1;
    demand(depth <= maxDepth, () => `tree ${tree} is deeper than ${maxDepth} splits.`);
    const mode = lists.modes[place] ?? '';
    if (mode === 'LEAF') {
      demand(valued[place] === 1, () => `${where()} is a leaf without a value.`);
      continue;
    }
    demand(MODES.includes(mode), () => `${where()} has mode "${mode}"; expected LEAF or one of ${MODES.join(', ')}.`);
    const column = lists.columns[place];
    demand(column >= 0 && column < columns, () => `${where()} reads column ${column}; the input has ${columns}.`);
    demand(!Number.isNaN(lists.values[place]), () => `${where()} compares with NaN.`);
    for (const child of [lists.yes[place], lists.no[place]]) {
      demand(child > 0 && lists.trees[begin + child] === tree, () => `${where()} has child ${child}, which is no node below its tree's root.`);
      open.push({ place: begin + child, depth: depth + 1 });
    }
  }
}

function sameLength(like: string, count: number, lists: Readonly<Record<string, readonly unknown[]>>): void {
  for (const [name, list] of Object.entries(lists)) demand(list.length === count, () => `${name} has ${list.length} entries; expected ${count}, as ${like} has.`);
}
