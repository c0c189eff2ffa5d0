import { feature } from '@rhei/contracts';
import { DAY, formatDuration, formatInstant, HOUR, MINUTE, SECOND, type Duration } from '@rhei/expressions';
import type { Explanation } from '@rhei/runtime';
import type { Deps } from '../deps';

/** What made a prediction: its question, what was known, and the version that answered. */
export async function explainPrediction({ ledger }: Pick<Deps, 'ledger'>, id: string): Promise<Explanation | undefined> {
  const [row] = await ledger.find([id]);
  if (row === undefined) return undefined;
  const declared = row.role === 'fallback';
  return {
    title: `Prediction ${id}: probability ${row.outputs.probability.toFixed(4)} ${declared ? `as declared by deployment ${row.deployment}` : `from ${row.model}/${row.version}`}, as of ${formatInstant(row.asOf)}`,
    lines: [
      `asked of deployment ${row.deployment}${row.example === '' ? '' : `, about example ${row.example}`}: ${JSON.stringify(row.request)}`,
      ...row.features.map(line),
      ...(row.role === 'canary' ? ['the version was a canary: it answered a share of the questions'] : []),
      declared ? `no model was asked, because of ${row.reason}` : `model file ${row.digest}`,
    ],
    traceparents: [row.traceparent],
    causes: declared ? [] : [{ service: 'registry', kind: 'version', id: `${row.model}/${row.version}` }],
  };
}

function line({ name, value, age, freshness }: feature.FeatureValue): string {
  if (freshness === feature.Freshness.EXPIRED) return `${name} = nothing: the last value was ${readable(age)} old, which is more than its view allows`;
  if (value === undefined || value === null) return `${name} = nothing: ${freshness === feature.Freshness.REQUEST ? 'the request gave none' : 'never seen'}`;
  return `${name} = ${value}${freshness === feature.Freshness.FRESH ? `, ${readable(age)} old` : ''}`;
}

const units: [string, Duration][] = [['d', DAY], ['h', HOUR], ['m', MINUTE], ['s', SECOND]];

/** The two largest units of an age, such as `3d 4h`: who asks why wants its size. */
export function readable(age: Duration): string {
  const first = units.findIndex(([, length]) => age >= length);
  if (first < 0) return formatDuration(age);
  const [[name, length], next] = [units[first], units[first + 1]];
  const rest = next === undefined ? 0 : Math.floor((age % length) / next[1]);
  return `${Math.floor(age / length)}${name}${rest === 0 ? '' : ` ${rest}${next![0]}`}`;
}
