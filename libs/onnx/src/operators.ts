import { ATTRIBUTE_TYPE, type Attribute, type Node } from './proto';
import { domainName } from './read-model';

/**
 * The operators that a model may use, with their attributes. None of them runs other graphs, reads files, or makes more
 * of its input than the broadcast of two tensors. One is added here when a model that we write or take in needs it.
 */
export const OPERATORS: Readonly<Record<string, Readonly<Record<string, keyof typeof ATTRIBUTE_TYPE>>>> = {
  'ai.onnx.Add': {},
  'ai.onnx.Div': {},
  'ai.onnx.Exp': {},
  'ai.onnx.Identity': {},
  'ai.onnx.Mul': {},
  'ai.onnx.Neg': {},
  'ai.onnx.Reciprocal': {},
  'ai.onnx.Sigmoid': {},
  'ai.onnx.Sub': {},
  'ai.onnx.ml.TreeEnsembleRegressor': {
    aggregate_function: 'string', base_values: 'floats', n_targets: 'int', post_transform: 'string', nodes_falsenodeids: 'ints',
    nodes_featureids: 'ints', nodes_hitrates: 'floats', nodes_missing_value_tracks_true: 'ints', nodes_modes: 'strings',
    nodes_nodeids: 'ints', nodes_treeids: 'ints', nodes_truenodeids: 'ints', nodes_values: 'floats', target_ids: 'ints',
    target_nodeids: 'ints', target_treeids: 'ints', target_weights: 'floats',
  },
};

/** Versions that the runtime takes; beyond them an operator may mean something else. */
export const OPSETS: Readonly<Record<string, readonly [from: number, to: number]>> = { 'ai.onnx': [7, 26], 'ai.onnx.ml': [1, 4] };
export const IR_VERSIONS: readonly [from: number, to: number] = [4, 13];

export const nodeName = (node: Node, at: number) => `Node ${at}${node.name ? ` "${node.name}"` : ''}`;
export const operatorOf = (node: Node) => `${domainName(node.domain)}.${node.opType ?? ''}`;

/** What is wrong with a node's operator and attributes. */
export function operatorFaults(node: Node, at: number): string[] {
  const name = nodeName(node, at);
  const operator = operatorOf(node);
  const known = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  if (known === undefined) return [`${name} uses operator ${operator}, which is not allowed; allowed are ${Object.keys(OPERATORS).join(', ')}.`];
  const faults: string[] = [];
  if (node.input.length < 1 || node.input.length > 2 || node.output.length !== 1)
    faults.push(`${name} has ${node.input.length} inputs and ${node.output.length} outputs; expected one or two inputs and one output.`);
  if (node.overload) faults.push(`${name} uses overload "${node.overload}"; overloads are not allowed.`);
  if (node.deviceConfigurations.length > 0) faults.push(`${name} names devices; that is not allowed.`);
  const seen = new Set<string>();
  for (const attribute of node.attribute) {
    const key = attribute.name ?? '';
    const type = Object.hasOwn(known, key) ? known[key] : undefined;
    if (type === undefined) faults.push(`${name}: attribute "${key}" of ${operator} is not allowed.`);
    else if (!holds(attribute, type)) faults.push(`${name}: attribute "${key}" must hold ${type} and nothing else.`);
    if (seen.has(key)) faults.push(`${name}: attribute "${key}" comes twice.`);
    seen.add(key);
  }
  return faults;
}

const FIELDS = { float: 'f', int: 'i', string: 's', floats: 'floats', ints: 'ints', strings: 'strings' } as const;
const ALL_FIELDS = ['f', 'i', 's', 't', 'g', 'floats', 'ints', 'strings', 'tensors', 'graphs', 'tp', 'typeProtos', 'sparseTensor', 'sparseTensors', 'refAttrName'] as const;

function holds(attribute: Attribute, type: keyof typeof ATTRIBUTE_TYPE): boolean {
  if (attribute.type !== ATTRIBUTE_TYPE[type]) return false;
  const content = attribute as unknown as Readonly<Record<string, unknown>>;
  return ALL_FIELDS.every((field) => {
    const value = content[field];
    return field === FIELDS[type] || value === undefined || (Array.isArray(value) && value.length === 0);
  });
}
