import { invalid } from '@rhei/contracts';
import { checkRows, type Tensor } from './tensors';

/** Rows of the raw tensor `features` FP32[n,F], which a named version takes; null is missing (NaN). */
export function vectorsOfTensor(deployment: string, names: readonly string[], tensors: Tensor[]): (number | null)[][] {
  const [tensor] = tensors;
  const wanted = `one input "features" FP32[n,${names.length}]`;
  if (tensors.length !== 1 || tensor.name !== 'features' || tensor.datatype !== 'FP32' || tensor.shape.length !== 2 || tensor.shape[1] !== names.length) {
    const got = tensors.map(({ name, datatype, shape }) => `${name.slice(0, 64)} ${datatype}[${shape.join(',')}]`).join(', ').slice(0, 500) || 'nothing';
    throw invalid(`A named version of deployment "${deployment}" takes ${wanted}; the request has ${got}.`, { field: 'features', expected: wanted, got, hint: `the columns are ${names.join(', ')}` });
  }
  checkRows(deployment, tensor.shape[0]);
  return Array.from({ length: tensor.shape[0] }, (_, row) => names.map((name, column) => {
    const value = tensor.data[row * names.length + column] as number;
    if (Number.isNaN(value)) return null;
    if (Number.isFinite(value)) return value;
    throw invalid(`Row ${row} of "features" has ${value} as "${name}".`, { field: 'features', expected: 'a finite number, or NaN where it is missing', got: String(value) });
  }));
}
