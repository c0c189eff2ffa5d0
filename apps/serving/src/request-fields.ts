/** How a deployment's request fields look as tensors. Rules only. */
import { invalid } from '@rhei/contracts';
import { parseInstant } from '@rhei/expressions';
import type { Datatype, Tensor } from './tensors';

export type FieldKind = 'string' | 'double' | 'int' | 'bool' | 'timestamp';
export type RequestFields = Record<string, FieldKind>;
export type FieldValues = Record<string, string | number | boolean>;

/** The datatype that a field is described with, and those that are taken for it as well. */
const datatypes: Record<FieldKind, Datatype[]> = {
  string: ['BYTES'], timestamp: ['BYTES'], double: ['FP64', 'FP32', 'INT64', 'INT32'], int: ['INT64', 'INT32'], bool: ['BOOL'],
};
export const datatypeOf = (kind: FieldKind): Datatype => datatypes[kind][0];

/** One object of fields per row; each tensor is [n] or [n,1]. All faults at once. */
export function rowsOfTensors(deployment: string, fields: RequestFields, tensors: Tensor[]): FieldValues[] {
  const problems: { field: string; message: string; expected?: string; got?: string }[] = [];
  const fault = (field: string, message: string, expected: string, got: string): void => void problems.push({ field, message, expected, got });
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
    } else if (kind === 'timestamp') {
      tensor.data.forEach((value, row) => {
        try {
          parseInstant(String(value));
        } catch (error) {
          fault(name, `row ${row} of "${name}": ${(error as Error).message}`, 'an RFC 3339 instant', String(value).slice(0, 64));
        }
      });
    }
  }
  if (problems.length > 0) {
    const [{ field, expected, got }] = problems;
    throw invalid(`Deployment "${deployment}": ${problems.map(({ message, expected: e, got: g }) => `${message} (expected ${e}, got ${g})`).join('; ')}.`, { field, expected, got, problems });
  }
  if (rows === 0) throw invalid(`The request to deployment "${deployment}" has no rows.`, { expected: 'at least one row' });
  return Array.from({ length: rows }, (_, row) => Object.fromEntries(Object.keys(fields).map((name) => [name, byName.get(name)!.data[row]])));
}
