/** How a deployment's request fields look as tensors. Rules only. */
import { invalid } from '@rhei/contracts';
import { parseInstant } from '@rhei/expressions';
import { checkRows, type Datatype, type Tensor } from './tensors';

export type FieldKind = 'string' | 'double' | 'int' | 'bool' | 'timestamp';
export type RequestFields = Record<string, FieldKind>;
export type FieldValues = Record<string, string | number | boolean>;

/** The datatype that a field is described with, and those that are taken for it as well. */
const datatypes: Record<FieldKind, Datatype[]> = {
  string: ['BYTES'], timestamp: ['BYTES'], double: ['FP64', 'FP32', 'INT64', 'INT32'], int: ['INT64', 'INT32'], bool: ['BOOL'],
};
export const datatypeOf = (kind: FieldKind): Datatype => datatypes[kind][0];

/** Faults that are told one by one; a thousand bad rows are mostly one fault. */
const mostProblems = 20;
/** Characters of a text: it becomes a key in other services. */
const longestText = 512;

/** What was expected instead, when an element of the right datatype still does not fit its field. */
function elementFault(kind: FieldKind, value: string | number | boolean): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'a finite number';
  if (typeof value === 'string' && value.length > longestText) return `at most ${longestText} characters`;
  if (kind !== 'timestamp') return undefined;
  try {
    parseInstant(String(value));
    return undefined;
  } catch (error) {
    return `an RFC 3339 instant (${(error as Error).message})`;
  }
}

/** One object of fields per row; each tensor is [n] or [n,1]. All faults at once. */
export function rowsOfTensors(deployment: string, fields: RequestFields, tensors: Tensor[]): FieldValues[] {
  const problems: { field: string; message: string; expected?: string; got?: string }[] = [];
  let faults = 0;
  const fault = (field: string, message: string, expected: string, got: string): void => {
    faults += 1;
    if (problems.length < mostProblems) problems.push({ field, message, expected, got });
  };
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  for (const tensor of tensors) {
    if (!Object.hasOwn(fields, tensor.name)) fault(tensor.name, `"${tensor.name}" is no input`, Object.keys(fields).join(', '), tensor.name);
    else if (byName.get(tensor.name) !== tensor) fault(tensor.name, `input "${tensor.name}" is there twice`, 'once', 'twice');
  }
  const rows = tensors.find(({ name }) => Object.hasOwn(fields, name))?.shape[0] ?? 0;
  for (const [name, kind] of Object.entries(fields)) {
    const tensor = byName.get(name);
    const wanted = `${datatypeOf(kind)}[${rows || 'n'}]`;
    if (tensor === undefined) fault(name, `input "${name}" is missing`, wanted, 'nothing');
    else if (!datatypes[kind].includes(tensor.datatype) || !(tensor.shape.length === 1 || (tensor.shape.length === 2 && tensor.shape[1] === 1)) || tensor.shape[0] !== rows) {
      fault(name, `input "${name}" has another type or shape`, wanted, `${tensor.datatype}[${tensor.shape.join(',')}]`);
    } else {
      tensor.data.forEach((value, row) => {
        const expected = elementFault(kind, value);
        if (expected !== undefined) fault(name, `row ${row} of "${name}" does not fit`, expected, String(value).slice(0, 64));
      });
    }
  }
  if (problems.length > 0) {
    const [{ field, expected, got }] = problems;
    const more = faults > problems.length ? `; and ${faults - problems.length} more` : '';
    throw invalid(`Deployment "${deployment}": ${problems.map(({ message, expected: e, got: g }) => `${message} (expected ${e}, got ${g})`).join('; ')}${more}.`, { field, expected, got, problems });
  }
  checkRows(deployment, rows);
  return Array.from({ length: rows }, (_, row) => Object.fromEntries(Object.keys(fields).map((name) => [name, byName.get(name)!.data[row]])));
}
