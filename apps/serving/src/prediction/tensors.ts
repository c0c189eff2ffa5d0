/** Tensors of the Open Inference Protocol v2, in both of its gRPC forms and in JSON. Rules only. */
import { inference, invalid, tooLarge } from '@rhei/contracts';

export type Datatype = 'BOOL' | 'INT32' | 'INT64' | 'FP32' | 'FP64' | 'BYTES';
/** A flat tensor in row-major order. */
export interface Tensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  data: (number | string | boolean)[];
}

const elementBytes: Record<Exclude<Datatype, 'BYTES'>, number> = { BOOL: 1, INT32: 4, INT64: 8, FP32: 4, FP64: 8 };
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const known = new Set<string>(['BOOL', 'INT32', 'INT64', 'FP32', 'FP64', 'BYTES']);

/** Rows of one request: they are looked up, scored and written together. */
const mostRows = 1_000;
const longestName = 64;

export const sizeOf = (shape: number[]): number => shape.reduce((product, dimension) => product * dimension, 1);

function checkedShape(name: string, datatype: string, shape: number[]): number {
  if (name.length > longestName) throw invalid(`A tensor's name has ${name.length} characters.`, { field: name.slice(0, longestName), expected: `at most ${longestName} characters`, got: `${name.length} characters` });
  if (!known.has(datatype)) {
    const got = datatype.slice(0, longestName);
    throw invalid(`Tensor "${name}" has datatype ${JSON.stringify(got)}.`, { field: name, expected: [...known].join(', '), got });
  }
  if (shape.length > 8) throw invalid(`Tensor "${name}" has ${shape.length} dimensions.`, { field: name, expected: 'at most 8 dimensions', got: `${shape.length} dimensions` });
  if ( shape.some((dimension) => !Number.isSafeInteger(dimension) || dimension < 0)) {
    throw invalid(`Tensor "${name}" has shape [${shape.join(',')}].`, { field: name, expected: 'whole numbers, none negative', got: `[${shape.join(',')}]` });
  }
  const size = sizeOf(shape);
  if (size > 1_000_000) throw invalid(`Tensor "${name}" has ${size} elements.`, { field: name, expected: 'at most 1,000,000', got: `${size}` });
  return size;
}

/** Errors: `invalid` for no rows, `too_large` for too many. */
export function checkRows(deployment: string, rows: number): void {
  if (rows === 0) throw invalid(`The request to deployment "${deployment}" has no rows.`, { expected: 'at least one row' });
  if (rows > mostRows) throw tooLarge(`The request to deployment "${deployment}" has ${rows} rows.`, { expected: `at most ${mostRows} rows`, got: `${rows} rows`, hint: 'send several requests' });
}

/** Text that enters the ledger: PostgreSQL keeps no NUL, and half a surrogate pair is no character. */
export function checkText(name: string, text: string): void {
  if (/[\0\p{Cs}]/u.test(text)) throw invalid(`"${name}" holds a NUL or half of a surrogate pair.`, { field: name, expected: 'text without them' });
}

/** Outputs that a request names must exist; none named means all. */
export function checkOutputs(names: unknown[]): void {
  for (const name of names) {
    if (name === 'probability') continue;
    const got = String(name).slice(0, longestName);
    throw invalid(`There is no output "${got}".`, { field: 'outputs', expected: 'probability', got });
  }
}

/** Reads the inputs of a gRPC request. Raw and typed contents exclude each other over the whole request. */
export function tensorsOfRequest({ inputs, rawInputContents }: inference.ModelInferRequest): Tensor[] {
  const raw = rawInputContents.length > 0;
  if (raw && rawInputContents.length !== inputs.length) {
    throw invalid(`The request has ${inputs.length} inputs and ${rawInputContents.length} raw contents.`, { field: 'raw_input_contents', expected: `${inputs.length}`, got: `${rawInputContents.length}` });
  }
  return inputs.map((input, index) => {
    const size = checkedShape(input.name, input.datatype, input.shape);
    if (raw && input.contents !== undefined && lengthOf(input.contents) > 0) throw invalid(`Input "${input.name}" has typed contents, but the request carries raw contents.`, { field: input.name, hint: 'send one form only' });
    const datatype = input.datatype as Datatype;
    const data = raw ? readRaw(input.name, datatype, size, rawInputContents[index]) : readTyped(input.name, datatype, input.contents);
    if (data.length !== size) throw lengthFault(input.name, datatype, input.shape, data.length);
    return { name: input.name, datatype, shape: [...input.shape], data };
  });
}

const lengthFault = (name: string, datatype: string, shape: number[], got: number): Error =>
  invalid(`Tensor "${name}" is ${datatype}[${shape.join(',')}] and has ${got} elements.`, { field: name, expected: `${sizeOf(shape)} elements`, got: `${got} elements` });

const lengthOf = (contents: inference.InferTensorContents): number =>
  Object.values(contents).reduce((sum: number, values: unknown[]) => sum + values.length, 0);

function readTyped(name: string, datatype: Datatype, contents: inference.InferTensorContents | undefined): Tensor['data'] {
  if (contents === undefined) return [];
  const field = { BOOL: 'boolContents', INT32: 'intContents', INT64: 'int64Contents', FP32: 'fp32Contents', FP64: 'fp64Contents', BYTES: 'bytesContents' }[datatype] as keyof inference.InferTensorContents;
  const other = (Object.keys(contents) as (keyof inference.InferTensorContents)[]).find((key) => key !== field && contents[key].length > 0);
  if (other !== undefined) throw invalid(`Tensor "${name}" is ${datatype} but carries its elements as ${other}.`, { field: name, expected: field, got: other });
  return datatype === 'BYTES' ? contents.bytesContents.map((bytes) => text(name, bytes)) : [...(contents[field] as number[])];
}

function text(name: string, bytes: Uint8Array): string {
  let decoded: string;
  try {
    decoded = utf8.decode(bytes);
  } catch {
    throw invalid(`Tensor "${name}" holds bytes that are no UTF-8.`, { field: name, expected: 'UTF-8 text' });
  }
  checkText(name, decoded);
  return decoded;
}

function readRaw(name: string, datatype: Datatype, size: number, bytes: Uint8Array): Tensor['data'] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (datatype === 'BYTES') return readRawBytes(name, bytes, view, size);
  const width = elementBytes[datatype];
  if (bytes.byteLength !== size * width) {
    throw invalid(`Tensor "${name}" (${datatype}) has ${bytes.byteLength} raw bytes.`, { field: name, expected: `${size * width} bytes`, got: `${bytes.byteLength} bytes` });
  }
  return Array.from({ length: size }, (_, index) => {
    switch (datatype) {
      case 'BOOL': return view.getUint8(index) !== 0;
      case 'INT32': return view.getInt32(index * 4, true);
      case 'INT64': return safeInteger(name, view.getBigInt64(index * 8, true));
      case 'FP32': return view.getFloat32(index * 4, true);
      case 'FP64': return view.getFloat64(index * 8, true);
    }
  });
}

function safeInteger(name: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) throw invalid(`Tensor "${name}" (INT64) holds ${value}.`, { field: name, expected: 'integers of at most 53 bits', got: String(value) });
  return Number(value);
}

function readRawBytes(name: string, bytes: Uint8Array, view: DataView, size: number): string[] {
  const values: string[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const end = at + 4 <= bytes.byteLength ? at + 4 + view.getUint32(at, true) : Infinity;
    if (end > bytes.byteLength || values.length >= size) throw invalid(`The raw BYTES of tensor "${name}" do not add up at byte ${at}.`, { field: name, expected: `${size} elements, each a 4-byte little-endian length and its bytes` });
    values.push(text(name, bytes.subarray(at + 4, end)));
    at = end;
  }
  return values;
}

/** The same from the JSON of the REST form; `data` is flat or nested. */
export function tensorsOfJson(inputs: unknown): Tensor[] {
  if (!Array.isArray(inputs)) throw invalid('The request has no "inputs".', { field: 'inputs', expected: 'a list of {name, datatype, shape, data}', got: inputs === undefined ? 'nothing' : typeof inputs });
  return inputs.map((input: unknown, index) => {
    const { name, datatype, shape, data } = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>;
    if (typeof name !== 'string') throw invalid(`Input ${index} has no name.`, { field: `inputs/${index}/name`, expected: 'a string' });
    if (!Array.isArray(shape)) throw invalid(`Tensor "${name}" has no shape.`, { field: name, expected: 'a list of integers' });
    const size = checkedShape(name, String(datatype), shape as number[]);
    if (!Array.isArray(data)) throw invalid(`Tensor "${name}" has no data.`, { field: name, expected: 'a list', got: typeof data });
    const flat: unknown[] = data.flat(8);
    if (flat.length !== size) throw lengthFault(name, String(datatype), shape as number[], flat.length);
    return { name, datatype: datatype as Datatype, shape: shape as number[], data: flat.map((value) => jsonElement(name, datatype as Datatype, value)) };
  });
}

const wantedElements: Record<Datatype, string> = { BYTES: 'strings', BOOL: 'booleans', INT32: 'integers of 32 bits', INT64: 'integers of at most 53 bits', FP32: 'numbers', FP64: 'numbers' };

function fitsNumber(datatype: Datatype, value: unknown): boolean {
  if (typeof value !== 'number') return false;
  if (datatype === 'INT32') return (value | 0) === value;
  return datatype !== 'INT64' || Number.isSafeInteger(value);
}

function jsonElement(name: string, datatype: Datatype, value: unknown): number | string | boolean {
  const fits = datatype === 'BYTES' ? typeof value === 'string' : datatype === 'BOOL' ? typeof value === 'boolean' : fitsNumber(datatype, value);
  if (!fits) throw invalid(`Tensor "${name}" (${datatype}) holds ${String(JSON.stringify(value)).slice(0, longestName)}.`, { field: name, expected: wantedElements[datatype], got: value === null ? 'null' : typeof value });
  if (typeof value === 'string') checkText(name, value);
  // What the model sees, whichever form it came in.
  return datatype === 'FP32' ? Math.fround(value as number) : (value as number | string | boolean);
}

/** FP32 elements in little-endian bytes: what `raw_output_contents` carries. */
export function rawFloats(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes;
}
