import { formatDuration, formatInstant } from '@rhei/expressions';
import type { Explanation } from '@rhei/runtime';
import type { Deps } from './deps';

/** What made a prediction: its question, what was known, and the version that answered. */
export async function explainPrediction({ ledger }: Deps, id: string): Promise<Explanation | undefined> {
  const [row] = await ledger.find([id]);
  if (row === undefined) return undefined;
  return {
    title: `Prediction ${id}: probability ${row.outputs.probability.toFixed(4)} from ${row.model}/${row.version}, as of ${formatInstant(row.asOf)}`,
    lines: [
      `asked of deployment ${row.deployment}${row.example === '' ? '' : `, about example ${row.example}`}: ${JSON.stringify(row.request)}`,
      ...row.features.map(({ name, value, age, freshness }) =>
        `${name} = ${value === undefined || value === null ? `nothing (${freshness === 2 ? 'expired' : 'never seen'})` : value}${age > 0 ? `, ${formatDuration(age)} old` : ''}`),
      `model file ${row.digest}`,
    ],
    causes: [{ service: 'registry', kind: 'version', id: `${row.model}/${row.version}` }],
  };
}
