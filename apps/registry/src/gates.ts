import { compile, ExpressionError, parseInstant, type Expression, type FieldType } from '@rhei/expressions';
import type { Gate } from './model-spec';

/** What a gate's rule may read: the scores on one holdout of the new version, of the champion and of the bare base rate. */
const metrics = { logLoss: 'double', auc: 'double', brier: 'double' } as const;
const variables: Record<string, FieldType> = {
  challenger: metrics,
  champion: metrics,
  baseRate: metrics,
  holdout: { from: 'timestamp', to: 'timestamp', rows: 'int' },
  fit: { rows: 'int' },
};

/** The part of a run's report on which gates decide. Fields that were not measured are absent. */
export interface Report {
  challenger: Record<string, number>;
  /** Empty when the run compared with nothing. */
  champion: Record<string, number>;
  /** The artifact that the run compared with; empty for none. */
  championDigest: string;
  baseRate: Record<string, number>;
  /** Instants in microseconds. */
  holdout: Record<string, number>;
  fit: Record<string, number>;
}

export interface GateResult {
  gate: string;
  passed: boolean;
  /** The values that the rule read, by path; null where there was none. */
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
    gate: comparison, passed, inputs: { reported: reported || null, present: champion || null },
    reason: passed ? '' : `The run compared with ${named(reported)}; now there is ${named(champion)}. Train again to compare with it.`,
  };
}

function evaluate({ name, rule }: Gate, report: Report): GateResult {
  const expression = compileGate(rule);
  const values = report as unknown as Record<string, Record<string, unknown>>;
  const inputs = Object.fromEntries(expression.references.map((path) => [path, read(values, path)]));
  try {
    const passed = expression.evaluate(values as unknown as Record<string, unknown>) === true;
    return { gate: name, passed, inputs, reason: passed ? '' : `${rule} does not hold` };
  } catch (error) {
    // A gate that cannot be judged is unmet: what was not measured must not open it.
    if (error instanceof ExpressionError) return { gate: name, passed: false, inputs, reason: error.message };
    throw error;
  }
}

function read(values: Record<string, Record<string, unknown>>, path: string): unknown {
  const [variable, field] = path.split('.');
  return (field === undefined ? values[variable] : values[variable]?.[field]) ?? null;
}

/** Takes what gates decide on out of a run's report; undefined when it is no report. */
export function readReport(json: unknown): Report | undefined {
  if (!isObject(json) || !isObject(json.challenger)) return undefined;
  const champion = isObject(json.champion) ? json.champion : {};
  return {
    challenger: numbers(json.challenger),
    champion: numbers(champion),
    championDigest: typeof champion.digest === 'string' ? champion.digest : '',
    baseRate: numbers(json.baseRate),
    holdout: numbers(json.holdout),
    fit: numbers(json.fit),
  };
}

function numbers(value: unknown): Record<string, number> {
  if (!isObject(value)) return {};
  const read = Object.entries(value).map(([key, item]) => [key, key === 'from' || key === 'to' ? instantOf(item) : item] as const);
  return Object.fromEntries(read.filter((entry): entry is readonly [string, number] => typeof entry[1] === 'number'));
}

function instantOf(value: unknown): unknown {
  try {
    return typeof value === 'string' ? parseInstant(value) : value;
  } catch {
    return undefined;
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
