import { RheiError, type inference } from '@rhei/contracts';
import { nearest } from './nearest';

type Input = inference.ModelMetadataResponse['inputs'][number];
type Fault = { field: string; message: string; expected: string; got: string };

/**
 * The request for one row or several. Values may be text, as from a command line, or of their own type, as from JSON.
 * Errors: `invalid` with every field that is missing, unknown or of another type.
 */
export function inferRequest(deployment: string, inputs: Input[], rows: Record<string, unknown>[], id: string): inference.ModelInferRequest {
  const faults: Fault[] = [];
  const names = inputs.map(({ name }) => name);
  rows.forEach((row, at) => {
    const where = rows.length === 1 ? '' : `row ${at}: `;
    for (const field of Object.keys(row).filter((key) => !names.includes(key))) {
      const meant = nearest(field, names);
      faults.push({ field, message: `${where}there is no field "${field}"${meant === undefined ? '' : `, perhaps ${meant}`}`, expected: names.join(', '), got: field });
    }
  });
  const tensors = inputs.map(({ name, datatype, shape }) => {
    const values = rows.map((row, at) => {
      const where = rows.length === 1 ? '' : `row ${at}: `;
      const got = row[name];
      const value = got === undefined ? undefined : elementOf(datatype, got);
      if (got === undefined) faults.push({ field: name, message: `${where}"${name}" is missing`, expected: wordOf(datatype), got: 'nothing' });
      else if (value === undefined) faults.push({ field: name, message: `${where}"${name}" has another type`, expected: wordOf(datatype), got: JSON.stringify(got) });
      return value;
    });
    return { name, datatype, shape: [rows.length, ...shape.slice(1)], parameters: {}, contents: contentsOf(datatype, values) };
  });
  if (faults.length > 0) {
    throw new RheiError('invalid', `Deployment "${deployment}": ${faults.map(({ message, expected, got }) => `${message} (expected ${expected}, got ${got})`).join('; ')}.`, {
      problems: faults, hint: `it takes ${inputs.map(({ name, datatype }) => `${name}=${wordOf(datatype).toUpperCase().replace(/ .*/, '')}`).join(' ')}`,
    });
  }
  return { modelName: deployment, modelVersion: '', id, parameters: {}, inputs: tensors, outputs: [], rawInputContents: [] };
}

const wordOf = (datatype: string): string => (datatype === 'BYTES' ? 'text' : datatype === 'BOOL' ? 'true or false' : datatype.startsWith('FP') ? 'number' : 'integer');

function elementOf(datatype: string, value: unknown): string | number | boolean | undefined {
  if (datatype === 'BYTES') return typeof value === 'string' ? value : undefined;
  if (datatype === 'BOOL') return typeof value === 'boolean' ? value : value === 'true' ? true : value === 'false' ? false : undefined;
  const number = typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  return Number.isFinite(number) && (datatype.startsWith('FP') || Number.isSafeInteger(number)) ? number : undefined;
}

function contentsOf(datatype: string, values: (string | number | boolean | undefined)[]): inference.InferTensorContents {
  const contents: inference.InferTensorContents = {
    boolContents: [], intContents: [], int64Contents: [], uintContents: [], uint64Contents: [], fp32Contents: [], fp64Contents: [], bytesContents: [],
  };
  switch (datatype) {
    case 'FP64': return { ...contents, fp64Contents: values as number[] };
    case 'FP32': return { ...contents, fp32Contents: values as number[] };
    case 'INT64': return { ...contents, int64Contents: values as number[] };
    case 'INT32': return { ...contents, intContents: values as number[] };
    case 'BOOL': return { ...contents, boolContents: values as boolean[] };
    default: return { ...contents, bytesContents: values.map((value) => Buffer.from(String(value ?? ''))) };
  }
}

/** The numbers of one output, in whichever of the two forms the answer carries them. */
export function outputNumbers(response: inference.ModelInferResponse, at: number): number[] {
  const { datatype, contents } = response.outputs[at];
  const raw = response.rawOutputContents[at];
  if (raw === undefined) return [...(datatype === 'FP64' ? contents?.fp64Contents : contents?.fp32Contents) ?? []];
  const bytes = Buffer.from(raw);
  const width = datatype === 'FP64' ? 8 : 4;
  return Array.from({ length: Math.floor(bytes.length / width) }, (_, row) => (datatype === 'FP64' ? bytes.readDoubleLE(row * width) : bytes.readFloatLE(row * width)));
}
