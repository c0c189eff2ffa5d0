import { formatInstant, type Duration } from '@rhei/expressions';
import { auc, labelsOf, type Labels } from '@rhei/tabular';
import type { LeakKind } from '../plan-spec';
import type { Examples } from './read-examples';
import { rowKeysOf } from './row-keys';
import type { Split } from './split';
import { FitRefused, type FitTask, type Leak } from './task';

/** Beyond this many rows an AUC says nothing more. */
const sampled = 20_000;
/** Present rows, and of them each class, below which an AUC of one column is chance. */
const fewestRows = 200;
const fewestOfClass = 30;
/** Rows with and without a value. */
const fewestGaps = 50;
const defaultAuc = 0.95;
/** Share of the rows beyond which something is no accident. */
const share = 0.01;
/** AUC above which the distance to a timestamp in the future counts as the answer. */
const telling = 0.75;
/** Rows, and their share, that repeat another; and how seldom rows of different moments may be the same for that to mean something. */
const fewestRepeats = 20;
const repeatedShare = 0.05;
const distinctShare = 0.9;

interface Finding {
  column: string;
  kind: LeakKind;
  evidence: string;
}
export interface ToHunt {
  examples: Examples;
  split: Split;
  task: Pick<FitTask, 'asOf' | 'reads' | 'spec'>;
}

/**
 * Looks for what would make a model look better than it will be. Bounds are such that real tables pass:
 * - `power`: one feature alone tells the labels of the rows that fit, with an AUC above 0.95 or what the plan says;
 * - `missing`: the same for whether a feature has a value;
 * - `future`: rows from after the run's as-of, with labels that were not mature, or asked when the label was; and a
 *   timestamp of the request later than as-of and example, whose distance to the example tells the label (AUC above 0.75);
 * - `duplicate`: rows alike in as-of, example time, label, features and numbers of the request but of different examples,
 *   5 % or more of all, in a table whose rows otherwise differ from one moment to the next;
 * - `group`: a value of the plan's `split.group` that both fits and scores.
 * @returns what was found, with what the plan says about it
 */
export function huntLeaks(hunt: ToHunt): Leak[] {
  const allowed = hunt.task.spec.leaks?.allow ?? [];
  return [...singleColumns(hunt), ...futures(hunt), ...timestamps(hunt), ...duplicates(hunt), ...groups(hunt)].map((found) => {
    const rule = allowed.find(({ column, kind }) => column === found.column && kind === found.kind);
    return { ...found, overridden: rule !== undefined, ...(rule && { reason: rule.reason }) };
  });
}

/** Errors: {@link FitRefused} that names the columns of leaks which the plan does not allow, with the evidence. */
export function refuseLeaks(leaks: readonly Leak[]): void {
  const open = leaks.filter(({ overridden }) => !overridden);
  if (open.length === 0) return;
  const what = open.map(({ column, kind, evidence }) => `${column} (${kind}): ${evidence}`).join('; ');
  throw new FitRefused(`The training set leaks. ${what}. Mend the feature set, or allow {column: '${open[0].column}', kind: ${open[0].kind}, reason: …} in the plan's leaks.`);
}

function singleColumns({ examples: { features, labels }, split, task: { spec } }: ToHunt): Finding[] {
  const bound = spec.leaks?.auc ?? defaultAuc;
  const rows = spread(split.fit);
  return features.columns.flatMap((column, at): Finding[] => {
    const present = rows.filter((row) => !Number.isNaN(column[row]));
    const gaps = rows.length - present.length;
    const power = powerOf(present, (row) => column[row], labels);
    const hole = gaps >= fewestGaps && present.length >= fewestGaps ? powerOf(rows, (row) => Number(Number.isNaN(column[row])), labels) : undefined;
    return [
      ...(power !== undefined && power > bound ? [{ column: features.names[at], kind: 'power' as const, evidence: `alone it tells the label with an AUC of ${power.toFixed(3)} on ${present.length} rows that fit; expected at most ${bound}` }] : []),
      ...(hole !== undefined && hole > bound ? [{ column: features.names[at], kind: 'missing' as const, evidence: `whether it has a value tells the label with an AUC of ${hole.toFixed(3)} on ${rows.length} rows that fit, ${gaps} of them without; expected at most ${bound}` }] : []),
    ];
  });
}

/** So many rows, evenly over all. */
const spread = (rows: Uint32Array): Uint32Array => (rows.length <= sampled ? rows : Uint32Array.from({ length: sampled }, (_, at) => rows[Math.floor((at * rows.length) / sampled)]));

/** AUC of one value per row, whichever way round; undefined with too few rows. */
function powerOf(rows: Uint32Array, valueOf: (row: number) => number, labels: Labels): number | undefined {
  const ones = rows.reduce((count, row) => count + labels[row], 0);
  if (rows.length < fewestRows || Math.min(ones, rows.length - ones) < fewestOfClass) return undefined;
  const area = auc(labelsOf(labels, rows), Array.from(rows, valueOf));
  return Math.max(area, 1 - area);
}

function futures({ examples: { asOf, time }, task }: ToHunt): Finding[] {
  const { maturity } = task.reads;
  const count = (holds: (row: number) => boolean): number => asOf.reduce((sum, _, row) => sum + Number(holds(row)), 0);
  const later = count((row) => asOf[row] > task.asOf);
  const unripe = count((row) => time[row] + maturity > task.asOf);
  const answered = maturity > 0 ? count((row) => asOf[row] >= time[row] + maturity) : 0;
  const of = (rows: number): string => `${rows} of ${asOf.length} rows`;
  return [
    ...(later > 0 ? [{ column: 'as_of', kind: 'future' as const, evidence: `${of(later)} are later than the run's as-of ${formatInstant(task.asOf)}` }] : []),
    ...(unripe > 0 ? [{ column: 'example_time', kind: 'future' as const, evidence: `the labels of ${of(unripe)} were not mature at the run's as-of ${formatInstant(task.asOf)}` }] : []),
    ...(answered > share * asOf.length ? [{ column: 'as_of', kind: 'future' as const, evidence: `${of(answered)} were asked when their label was mature already` }] : []),
  ];
}

function timestamps({ examples: { asOf, time, labels, request }, split }: ToHunt): Finding[] {
  const rows = spread(split.fit);
  return [...request].flatMap(([name, field]): Finding[] => {
    if (field.kind !== 'instant') return [];
    const { values } = field;
    const late = rows.filter((row) => values[row] > Math.max(asOf[row], time[row]));
    const ahead = (row: number): Duration => values[row] - time[row];
    const power = late.length > share * rows.length ? powerOf(rows.filter((row) => !Number.isNaN(values[row])), ahead, labels) : undefined;
    return power === undefined || power <= telling ? []
      : [{ column: `request.${name}`, kind: 'future', evidence: `it is later than as-of and example in ${late.length} of ${rows.length} rows that fit, and how much later tells the label with an AUC of ${power.toFixed(3)}; expected at most ${telling}` }];
  });
}

function duplicates({ examples }: ToHunt): Finding[] {
  const { asOf, time, labels, features, request } = examples;
  const numbers = [...request.values()].flatMap(({ kind, values }) => (kind === 'text' ? [] : [values as Float64Array]));
  const columns = [Float64Array.from(labels), ...features.columns, ...numbers];
  const fewest = Math.max(fewestRepeats, repeatedShare * asOf.length);
  const moments = rowKeysOf([asOf, time, ...columns], asOf.length - fewest + 1);
  const repeats = asOf.length - moments.distinct;
  // Where rows of different moments are alike too, rows of one moment are so by nature.
  const suspicious = repeats >= fewest && rowKeysOf(columns).distinct >= distinctShare * moments.distinct;
  return suspicious ? [{ column: '*', kind: 'duplicate', evidence: `${repeats} of ${asOf.length} rows repeat another in as-of, time, label and all values; expected less than ${100 * repeatedShare} %` }] : [];
}

function groups({ examples: { features, request }, split, task: { spec } }: ToHunt): Finding[] {
  const { group } = spec.split;
  if (group === undefined) return [];
  const values: ArrayLike<string | number> | undefined = group.startsWith('request.') ? request.get(group.slice('request.'.length))?.values : features.columns[features.names.indexOf(group)];
  if (values === undefined) throw new FitRefused(`The plan's split names the group "${group}", which the training set does not have; it has the features ${features.names.join(', ')} and the request fields ${[...request.keys()].join(', ')}.`);
  const fitted = new Set(Array.from(split.fit, (row) => values[row]));
  const shared = split.holdout.filter((row) => fitted.has(values[row]));
  const entities = new Set(Array.from(split.holdout, (row) => values[row])).size;
  const both = new Set(Array.from(shared, (row) => values[row])).size;
  return shared.length === 0 ? [] : [{ column: group, kind: 'group', evidence: `${both} of the ${entities} values that score, with ${shared.length} of ${split.holdout.length} rows, fit the model too; expected none` }];
}
