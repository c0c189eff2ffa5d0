import type { Attribute, Model, Node } from './proto';
import { openModel, WIRE_LIMITS } from './read-model';

/**
 * Where two model files part first, in words: metadata, inputs, base value, or the tree, counted from 1. Undefined when
 * their bytes are the same. Throws {@link ModelRefused} for what is no ONNX model.
 */
export function firstDifference(a: Uint8Array, b: Uint8Array): string | undefined {
  if (Buffer.compare(a, b) === 0) return undefined;
  const [one, other] = [openModel(a, WIRE_LIMITS), openModel(b, WIRE_LIMITS)];
  return metadataDifference(one, other) ?? graphDifference(one, other) ?? treeDifference(treesOf(one), treesOf(other)) ?? 'the encoding: both say the same';
}

function metadataDifference(a: Model, b: Model): string | undefined {
  const [one, other] = [a, b].map(({ metadataProps }) => new Map(metadataProps.map(({ key = '', value = '' }) => [key, value])));
  const key = [...new Set([...one.keys(), ...other.keys()])].sort().find((name) => one.get(name) !== other.get(name));
  return key === undefined ? undefined : `metadata "${key}"`;
}

function graphDifference(a: Model, b: Model): string | undefined {
  const shape = ({ graph, opsetImport }: Model): string =>
    JSON.stringify([opsetImport, graph?.input, graph?.output, graph?.node.map(({ opType, domain, input, output }) => [opType, domain, input, output])]);
  return shape(a) === shape(b) ? undefined : 'inputs, outputs or operators';
}

const treesOf = ({ graph }: Model): Node | undefined => graph?.node.find(({ opType }) => opType === 'TreeEnsembleRegressor');

/** The first tree of {@link writeTreeModel} is the base value. */
function treeDifference(a: Node | undefined, b: Node | undefined): string | undefined {
  const [one, other] = [a, b].map(linesByTree);
  const count = Math.max(one.length, other.length);
  for (let tree = 0; tree < count; tree += 1) {
    if (one[tree] === other[tree]) continue;
    if (tree === 0) return 'the base value';
    if (one[tree] === undefined || other[tree] === undefined) return `the number of trees: ${one.length - 1} and ${other.length - 1}`;
    return `tree ${tree} of ${count - 1}`;
  }
  return undefined;
}

function linesByTree(node: Node | undefined): string[] {
  const attributes = new Map((node?.attribute ?? []).map((attribute): [string, Attribute] => [attribute.name ?? '', attribute]));
  const lines: string[][] = [];
  const text = (value: number | Uint8Array): string => (typeof value === 'number' ? String(value) : Buffer.from(value).toString('latin1'));
  const take = (ids: string, parts: readonly string[]): void => {
    const columns = parts.map((name) => attributes.get(name)).map((attribute) => (attribute === undefined ? [] : [attribute.ints, attribute.floats, attribute.strings].find(({ length }) => length > 0) ?? []));
    (attributes.get(ids)?.ints ?? []).forEach((tree, place) => (lines[tree] ??= []).push(columns.map((column) => text(column[place])).join(' ')));
  };
  take('nodes_treeids', ['nodes_featureids', 'nodes_values', 'nodes_modes', 'nodes_truenodeids', 'nodes_falsenodeids', 'nodes_missing_value_tracks_true']);
  take('target_treeids', ['target_nodeids', 'target_ids', 'target_weights']);
  return Array.from(lines, (tree = []) => tree.join('\n'));
}
