import { ModelRefused } from './errors';
import { DATA_TYPE, decodeModel, type Model, type ValueInfo } from './proto';
import { checkWire, type WireLimits } from './wire';
import { FEATURES_KEY } from './write-tree-model';

export type DataType = keyof typeof DATA_TYPE;

/** An input or output; `shape` has -1 where any size fits. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: readonly number[];
}

/** What a model file says about itself. */
export interface ModelInfo {
  readonly bytes: number;
  readonly irVersion: number;
  readonly producer: string;
  /** Version by operator domain; the standard one is called `ai.onnx`. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** How often each operator is used, by `domain.Operator`. */
  readonly operators: Readonly<Record<string, number>>;
  readonly nodes: number;
  /** Column names in order, where the model was written by {@link writeTreeModel}. */
  readonly features?: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Far beyond any model that is written here, and little enough to read on a small machine. */
export const WIRE_LIMITS: WireLimits = { parts: 400_000, numbers: 8_000_000 };

/**
 * Reads what `bytes` say about themselves. It does not judge whether they are safe to load (see {@link vetModel}), but no
 * input makes it run or remember out of proportion. Throws {@link ModelRefused} for what is no ONNX model.
 */
export function readModel(bytes: Uint8Array, limits: Partial<WireLimits> = {}): ModelInfo {
  return describe(openModel(bytes, { ...WIRE_LIMITS, ...limits }), bytes.length);
}

export function openModel(bytes: Uint8Array, limits: WireLimits): Model {
  if (bytes.length === 0) throw new ModelRefused(['The file is empty; expected an ONNX model.']);
  checkWire(bytes, limits);
  const model = decoded(bytes);
  if (model.graph === undefined) throw new ModelRefused(['The file has no graph; expected an ONNX model.']);
  return model;
}

/** What is left to go wrong in sound encoding is text that is not UTF-8. */
function decoded(bytes: Uint8Array): Model {
  try {
    return decodeModel(bytes);
  } catch (error) {
    throw new ModelRefused([`This is no model that can be read: ${error instanceof Error ? error.message : String(error)}.`]);
  }
}

/** Throws {@link ModelRefused} for inputs and outputs that are not tensors of a known type and rank. */
export function describe(model: Model, bytes: number): ModelInfo {
  const problems: string[] = [];
  const tensors = (kind: string, infos: readonly ValueInfo[] = []) => infos.flatMap((info) => tensorInfo(kind, info, problems));
  const metadata = Object.fromEntries(model.metadataProps.map(({ key = '', value = '' }) => [key, value]));
  const info: ModelInfo = {
    bytes,
    irVersion: model.irVersion ?? 0,
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
    opsets: Object.fromEntries(model.opsetImport.map(({ domain, version = 0 }) => [domainName(domain), version])),
    inputs: tensors('Input', model.graph?.input),
    outputs: tensors('Output', model.graph?.output),
    operators: countOperators(model),
    nodes: model.graph?.node.length ?? 0,
    ...featuresIn(metadata[FEATURES_KEY]),
    metadata,
  };
  if (problems.length > 0) throw new ModelRefused(problems);
  return info;
}

export function domainName(domain: string | undefined): string {
  return domain === undefined || domain === '' ? 'ai.onnx' : domain;
}

const NAMES = new Map(Object.entries(DATA_TYPE).map(([name, code]) => [code as number, name as DataType]));

function tensorInfo(kind: string, { name = '', type }: ValueInfo, problems: string[]): TensorInfo[] {
  const dtype = NAMES.get(type?.tensorType?.elemType ?? 0);
  const shape = type?.tensorType?.shape?.dim;
  if (dtype === undefined || shape === undefined) {
    problems.push(`${kind} "${name}" is no tensor of a known type and rank; expected one.`);
    return [];
  }
  return [{ name, dtype, shape: shape.map(({ dimValue }) => dimValue ?? -1) }];
}

function countOperators(model: Model): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { domain, opType = '' } of model.graph?.node ?? []) {
    const name = `${domainName(domain)}.${opType}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Other writers may use the key for something else. */
function featuresIn(text: string | undefined): { features?: string[] } {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return Array.isArray(value) && value.every((name): name is string => typeof name === 'string') ? { features: value } : {};
  } catch {
    return {};
  }
}
