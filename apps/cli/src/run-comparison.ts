import type { training } from '@rhei/contracts';
import { runAsJson } from './run-details';
import { signed, signedRange } from './signed';
import { cutTo, table } from './table';

const digest = /^[0-9a-f]{64}$/;
// A program that reads it from a pipe gets all of it.
const short = (text: string, width: number): string => (text === '' ? '-' : width === Infinity ? text : digest.test(text) ? text.slice(0, 12) : cutTo(text, 60));

export const comparisonAsJson = ({ a, b, differences, metrics, paired, unpaired }: training.CompareRunsResponse) => ({
  a: runAsJson(a!), b: runAsJson(b!), differences, metrics: Object.fromEntries(metrics.map(({ name, ...both }) => [name, both])), paired: paired ?? null, unpaired: unpaired || null,
});

/** What differs, causes first, and what that did to the scores. */
export function describeComparison({ a, b, differences, metrics, paired, unpaired }: training.CompareRunsResponse, width: number): string {
  const heads = [`RUN ${a!.id.slice(0, 8)}`, `RUN ${b!.id.slice(0, 8)}`];
  const what = differences.length === 0 ? 'Nothing differs: same rows, code, parameters, champion and model.\n' : differenceTable(differences, heads, width);
  const name: Record<string, string> = { logLoss: 'log loss', auc: 'AUC', brier: 'Brier' };
  const scores = metrics.length === 0 ? '' : table([{ head: 'SCORED' }, ...heads.map((head) => ({ head, right: true }))], metrics.map((one) => [name[one.name] ?? one.name, one.a.toFixed(4), one.b.toFixed(4)]), width);
  return [what, scores, pairText(paired, unpaired, a!.id, b!.id)].filter((part) => part !== '').join('\n');
}

export const differenceTable = (differences: training.RunDifference[], heads: string[], width: number): string =>
  table([{ head: 'DIFFERS FIRST IN', cut: true }, { head: heads[0], cut: true }, { head: heads[1], cut: true }], differences.map(({ what, a, b }) => [what, short(a, width), short(b, width)]), width);

function pairText(paired: training.PairedDifference | undefined, unpaired: string, a: string, b: string): string {
  if (paired === undefined) return `Not compared row by row: ${unpaired}.\n`;
  const { mean, low, high, rows, days } = paired;
  const verdict = high < 0 ? `${a} is better` : low > 0 ? `${b} is better` : 'neither is better beyond noise';
  return `On the same ${rows} rows of ${days} days log loss differs by ${signed(mean)}\n(95 % by days ${signedRange(low, high)}): ${verdict}.\n`;
}
