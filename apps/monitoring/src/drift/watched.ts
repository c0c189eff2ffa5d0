import { logLossOf, type Value } from '@rhei/statistics';
import type { MonitorSpec } from '../monitor/monitor-spec';
import type { Row } from './row';

/** How one watched thing is taken from rows. `undefined` from `of` means that the row does not count. */
export type Watched =
  | { name: string; kind: 'distribution'; measure: 'psi'; floor: number; of(row: Row): { value: Value } | undefined }
  | { name: string; kind: 'rate'; measure: 'difference'; side: 'both' | 'above'; floor: number; of(row: Row): number | undefined }
  /** Rows per bucket. */
  | { name: string; kind: 'volume'; measure: 'relative'; floor: number };

/** @param requestFields what a caller sends; another name behind `missing.` is a served feature */
export function watchedOf(name: string, { floor, floors }: Pick<MonitorSpec, 'floor' | 'floors'>, requestFields: readonly string[]): Watched {
  const field = name.slice(name.indexOf('.') + 1);
  if (name === 'outcome') return { name, kind: 'distribution', measure: 'psi', floor, of: ({ label }) => (label === null ? undefined : { value: label }) };
  if (name === 'volume') return { name, kind: 'volume', measure: 'relative', floor: floors.volume };
  // A loss that falls is no reason to act.
  if (name === 'loss') return { name, kind: 'rate', measure: 'difference', side: 'above', floor: floors.loss, of: lossOf };
  if (name.startsWith('missing.')) {
    const of = requestFields.includes(field) ? ({ request }: Row): number => (isMissing(request[field]) ? 1 : 0)
      // The fallback answers where features are away: it says nothing of what they hold.
      : ({ missing, version }: Row): number | undefined => (version === 0 ? undefined : missing.includes(field) ? 1 : 0);
    return { name, kind: 'rate', measure: 'difference', side: 'both', floor: floors.missing, of };
  }
  return { name, kind: 'distribution', measure: 'psi', floor, of: ({ request }) => ({ value: request[field] }) };
}

/** The matured loss of an answer that no fit had seen. */
function lossOf({ version, probability, label, unseen }: Row): number | undefined {
  return version === 0 || probability === null || label === null || !unseen ? undefined : logLossOf(probability, label);
}

export const isMissing = (value: Value): boolean => value === null || value === undefined || Number.isNaN(value);
