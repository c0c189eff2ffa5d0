import { ModelRefused } from './errors';
import { IR_VERSIONS, nodeName, operatorFaults, operatorOf, OPSETS } from './operators';
import { DATA_TYPE, type Graph, type Model, type Tensor } from './proto';
import { describe, domainName, openModel, WIRE_LIMITS, type ModelInfo } from './read-model';
import { treeFaults } from './tree-faults';
import type { WireLimits } from './wire';

export interface VetLimits extends WireLimits {
  /** Size of the file. */
  readonly bytes: number;
  /** Operators in the graph. */
  readonly nodes: number;
  /** Operators one after the other. */
  readonly depth: number;
  /** Splits one after the other in a tree. */
  readonly treeDepth: number;
  /** Size of any one dimension of a tensor, batches apart. */
  readonly dimension: number;
}

export const VET_LIMITS: VetLimits = { ...WIRE_LIMITS, bytes: 32 * 2 ** 20, nodes: 256, depth: 64, treeDepth: 64, dimension: 4_096 };

// A file made to be refused should not fill the log.
const MOST_PROBLEMS = 20;

/**
 * Says what a model is, or throws {@link ModelRefused} with every reason why it must not be loaded: what cannot be read,
 * external data, operators, domains, versions or attributes that are not on the list, control flow, functions, trees that
 * are none, sizes beyond `limits`. What it accepts is float32 in and out, and takes memory in proportion to batch and file.
 */
export function vetModel(bytes: Uint8Array, limits: Partial<VetLimits> = {}): ModelInfo {
  const bounds = { ...VET_LIMITS, ...limits };
  if (bytes.length > bounds.bytes) throw new ModelRefused([`The file has ${bytes.length} bytes; at most ${bounds.bytes} are allowed.`]);
  const model = openModel(bytes, bounds);
  const info = describe(model, bytes.length);
  const graph = model.graph as Graph;
  const problems = [...versionFaults(model), ...foreignFaults(model, graph), ...graph.initializer.flatMap((tensor) => tensorFaults(tensor, bounds)), ...ioFaults(info, bounds)];
  if (graph.node.length > bounds.nodes) problems.push(`The graph has ${graph.node.length} nodes; at most ${bounds.nodes} are allowed.`);
  else problems.push(...graphFaults(graph, info, bounds));
  if (problems.length > MOST_PROBLEMS) problems.splice(MOST_PROBLEMS, problems.length, `And ${problems.length - MOST_PROBLEMS} more.`);
  if (problems.length > 0) throw new ModelRefused(problems);
  return info;
}

function versionFaults(model: Model): string[] {
  const faults: string[] = [];
  const [from, to] = IR_VERSIONS;
  const version = model.irVersion ?? 0;
  if (version < from || version > to) faults.push(`The file has IR version ${version}; expected ${from} to ${to}.`);
  const seen = new Set<string>();
  for (const opset of model.opsetImport) {
    const domain = domainName(opset.domain);
    const range = Object.hasOwn(OPSETS, domain) ? OPSETS[domain] : undefined;
    if (seen.has(domain)) faults.push(`The file imports operators of ${domain} twice.`);
    seen.add(domain);
    if (range === undefined) faults.push(`The file imports operators of "${domain}"; allowed are ${Object.keys(OPSETS).join(' and ')}.`);
    else if (!((opset.version ?? 0) >= range[0] && (opset.version ?? 0) <= range[1]))
      faults.push(`The file uses version ${opset.version ?? 0} of ${domain}; expected ${range[0]} to ${range[1]}.`);
  }
  const used = new Set(model.graph?.node.map((node) => domainName(node.domain)));
  for (const domain of used) if (Object.hasOwn(OPSETS, domain) && !seen.has(domain)) faults.push(`The graph uses operators of ${domain} without importing a version of it.`);
  return faults;
}

/** Parts of the format that no model here needs. */
function foreignFaults(model: Model, graph: Graph): string[] {
  const parts: [string, unknown[]][] = [
    ['functions', model.functions], ['training information', model.trainingInfo], ['device configurations', model.configuration],
    ['sparse initializers', graph.sparseInitializer], ['quantization annotations', graph.quantizationAnnotation],
  ];
  return parts.filter(([, list]) => list.length > 0).map(([name]) => `The file has ${name}; they are not allowed.`);
}

function tensorFaults(tensor: Tensor, { dimension }: VetLimits): string[] {
  const name = `Initializer "${tensor.name ?? ''}"`;
  if (tensor.externalData.length > 0 || (tensor.dataLocation ?? 0) !== 0) {
    const place = tensor.externalData.find(({ key }) => key === 'location')?.value ?? '';
    return [`${name} keeps its data outside the file ("${place}"); all data must be inside.`];
  }
  if (tensor.dataType !== DATA_TYPE.float32) return [`${name} has data type ${tensor.dataType ?? 0}; expected 1 (float32).`];
  if (tensor.segment !== undefined) return [`${name} is a segment of a tensor; expected a whole one.`];
  if (tensor.dims.length > 2 || tensor.dims.some((size) => size < 1 || size > dimension))
    return [`${name} has shape [${tensor.dims.slice(0, 8).join(', ')}]; expected at most two dimensions of 1 to ${dimension}.`];
  const wanted = tensor.dims.reduce((product, size) => product * size, 1);
  const raw = (tensor.rawData?.length ?? 0) / 4;
  if (raw > 0 && tensor.floatData.length > 0) return [`${name} gives its values twice, raw and as a list; expected once.`];
  const given = raw + tensor.floatData.length;
  return given === wanted ? [] : [`${name} has ${given} values for shape [${tensor.dims.join(', ')}]; expected ${wanted}.`];
}

function ioFaults({ inputs, outputs }: ModelInfo, { dimension }: VetLimits): string[] {
  const faults: string[] = [];
  if (inputs.length === 0) faults.push('The graph has no input; expected one at least.');
  if (outputs.length === 0) faults.push('The graph has no output; expected one at least.');
  const check = (kind: string, infos: ModelInfo['inputs']) => {
    for (const { name, dtype, shape } of infos) {
      const fits = dtype === 'float32' && shape.length === 2 && shape[1] >= 1 && shape[1] <= dimension;
      if (!fits) faults.push(`${kind} "${name}" is ${dtype}[${shape.slice(0, 8).join(',')}]; expected float32[-1,k] with k from 1 to ${dimension}.`);
    }
  };
  check('Input', inputs);
  check('Output', outputs);
  return faults;
}

/** Nodes in order: each reads what stands before it, and nothing is named twice. */
function graphFaults(graph: Graph, { inputs, outputs }: ModelInfo, bounds: VetLimits): string[] {
  const faults: string[] = [];
  const depths = new Map<string, number>();
  // Columns of a value, where they are those of an input: only such a value may feed trees, which index it blindly.
  const columns = new Map<string, number>();
  const define = (name: string, depth: number, by: string) => {
    if (name === '' || depths.has(name)) faults.push(`${by} gives a value the name "${name}", which is ${name === '' ? 'empty' : 'taken'}.`);
    depths.set(name, depth);
  };
  for (const { name, shape } of inputs) {
    define(name, 0, 'An input');
    columns.set(name, shape[1]);
  }
  for (const { name = '' } of graph.initializer) define(name, 0, 'An initializer');
  graph.node.forEach((node, at) => {
    const name = nodeName(node, at);
    for (const input of node.input) if (!depths.has(input)) faults.push(`${name} reads "${input}", which nothing before it defines.`);
    const wrong = operatorFaults(node, at);
    faults.push(...wrong);
    if (operatorOf(node) === 'ai.onnx.ml.TreeEnsembleRegressor' && wrong.length === 0) {
      const width = node.input.length === 1 ? columns.get(node.input[0]) : undefined;
      if (width === undefined) faults.push(`${name} reads ${node.input.map((input) => `"${input}"`).join(', ')}; expected one input of the graph.`);
      else faults.push(...treeFaults(node, at, width, bounds.treeDepth));
    }
    const depth = 1 + Math.max(0, ...node.input.slice(0, 2).map((input) => depths.get(input) ?? 0));
    if (depth === bounds.depth + 1) faults.push(`${name} is deeper than ${bounds.depth} nodes below the inputs.`);
    for (const output of node.output) define(output, depth, name);
    if (operatorOf(node) === 'ai.onnx.Identity' && node.output.length === 1) {
      const width = columns.get(node.input[0]);
      if (width !== undefined) columns.set(node.output[0], width);
    }
  });
  for (const { name } of outputs) if ((depths.get(name) ?? 0) === 0) faults.push(`Output "${name}" is not the result of a node.`);
  return faults;
}
