import { compile, ExpressionError, type Expression, type FieldType } from '@rhei/expressions';
import type { Gate } from './model-spec';
import { isObject, type Report, type Slice } from './report';

/** What a gate's rule may read: the scores on one holdout, what they differ by, and the same in slices. */
const metrics = { logLoss: 'double', auc: 'double', brier: 'double', calibration: { error: 'double', low: 'double', high: 'double', slope: 'double' } } as const;
const difference = { mean: 'double', low: 'double', high: 'double', rows: 'int' } as const;
const variables: Record<string, FieldType> = {
  challenger: metrics,
  champion: metrics,
  linear: metrics,
  baseRate: metrics,
  difference: { champion: difference, linear: difference, baseRate: difference },
  slices: [{ field: 'string', value: 'string', rows: 'int', logLoss: 'double', difference }],
  holdout: { from: 'timestamp', to: 'timestamp', rows: 'int' },
  fit: { rows: 'int' },
};
/** For who wrote a rule that reads something else. */
export const readable = 'A gate reads challenger, champion, linear and baseRate (logLoss, auc, brier, calibration.error, .low, .high, .slope), difference.champion, .linear and .baseRate (mean, low, high, rows), slices (field, value, rows, logLoss, difference), holdout (from, to, rows) and fit.rows.';

export interface GateResult {
  gate: string;
  /** The expression that was judged; empty for the comparison with the champion. */
  rule: string;
  passed: boolean;
  /** The values that the rule read, by path; null where there was none. Of slices: how many, and the figures of those that broke it. */
  inputs: Record<string, unknown>;
  /** Why it is unmet; empty when it passed. */
  reason: string;
}

/** Every version meets this gate first: a comparison with a former champion says nothing about the present one. */
export const comparison = 'compared with the present champion';

/**
 * Compiles a gate's rule.
 * @throws ExpressionError with the position of what is wrong
 */
export const compileGate = (rule: string): Expression => compile(rule, { variables, returns: 'bool' });

/** Judges all gates of a version: a pure function of the model's gates, the run's report and the present champion's digest. */
export function judge(gates: readonly Gate[], report: Report, championDigest: string): GateResult[] {
  return [compare(report.championDigest, championDigest), ...gates.map((gate) => evaluate(gate, report))];
}

/** Whether the report compares with the artifact that is champion now; an empty digest means none. */
export function compare(reported: string, champion: string): GateResult {
  const passed = reported === champion;
  const named = (digest: string): string => (digest === '' ? 'no champion' : `champion ${digest.slice(0, 12)}`);
  return {
    gate: comparison, rule: '', passed, inputs: { reported: reported || null, present: champion || null },
    reason: passed ? '' : `The run compared with ${named(reported)}; now there is ${named(champion)}. Train again to compare with it.`,
  };
}

function evaluate({ name, rule }: Gate, report: Report): GateResult {
  const expression = compileGate(rule);
  const { slices } = report;
  const inputs = Object.fromEntries(expression.references.map((path) => [path, path === 'slices' ? (slices?.length ?? null) : read(report, path)]));
  const reason = unmetReason(expression, report, inputs);
  if (reason === undefined) return { gate: name, rule, passed: true, inputs, reason: '' };
  const broken = slices === undefined || !expression.references.includes('slices') ? [] : slicesThatBreak(expression, report, slices);
  if (broken.length === 0) return { gate: name, rule, passed: false, inputs, reason };
  return {
    gate: name, rule, passed: false, inputs: { ...inputs, ...Object.assign({}, ...broken.map(figuresOf)) as Record<string, number> },
    reason: `${broken.length} of ${slices!.length} slices break ${rule}: ${broken.slice(0, shown).map(inWords).join('; ')}${broken.length > shown ? `; and ${broken.length - shown} more` : ''}`,
  };
}

/** Why the rule is unmet for this report; undefined when it holds. */
function unmetReason(expression: Expression, report: Report, inputs: Record<string, unknown>): string | undefined {
  try {
    return expression.evaluate({ ...report }) === true ? undefined : `${expression.source} does not hold`;
  } catch (error) {
    // A gate that cannot be judged is unmet: what was not measured must not open it.
    if (!(error instanceof ExpressionError)) throw error;
    const [, missing] = /"(\w+)"/.exec(error.problem) ?? [];
    const paths = error.code !== 'missing' ? [] : Object.keys(inputs).filter((path) => inputs[path] === null && path.split('.').includes(missing ?? ''));
    return paths.length === 0 ? error.message : `${expression.source} reads ${paths.join(', ')}, which the run did not measure`;
  }
}

const shown = 10;

/** The slices that alone make the rule unmet, where it holds without any; in the order of the report. */
function slicesThatBreak(expression: Expression, report: Report, slices: readonly Slice[]): Slice[] {
  const holds = (some: Slice[]): boolean => unmetReason(expression, { ...report, slices: some }, {}) === undefined;
  return holds([]) ? slices.filter((slice) => !holds([slice])) : [];
}

const nameOf = ({ field, value }: Slice): string => `${field} = ${value}`;
function figuresOf(slice: Slice): Record<string, number> {
  const { rows, logLoss, difference: gap } = slice;
  const figures = { rows, logLoss, 'difference.mean': gap?.mean, 'difference.low': gap?.low, 'difference.high': gap?.high };
  return Object.fromEntries(Object.entries(figures).flatMap(([figure, value]) => (value === undefined ? [] : [[`slices[${nameOf(slice)}].${figure}`, value]])));
}

function inWords(slice: Slice): string {
  const { rows, logLoss, difference: gap } = slice;
  const by = gap === undefined ? 'no difference measured' : `difference ${gap.mean.toFixed(4)}, ${gap.low.toFixed(4)} to ${gap.high.toFixed(4)}`;
  return `${nameOf(slice)} (${rows} rows${logLoss === undefined ? '' : `, log loss ${logLoss.toFixed(4)}`}, ${by})`;
}

/** The value at a path of the report, null where there is none. */
function read(report: Report, path: string): unknown {
  let value: unknown = report;
  for (const field of path.split('.')) value = isObject(value) ? value[field] : undefined;
  return value === undefined || isObject(value) ? (value === undefined ? null : 'measured') : value;
}
