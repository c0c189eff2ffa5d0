import { refuse } from './errors';

/** How to boost. Every field has a default in {@link DEFAULT_PARAMS}. */
export interface BoostingParams {
  /** Trees to grow. */
  readonly trees: number;
  /** Factor on each leaf's step. */
  readonly learningRate: number;
  /** Leaves of a tree at most; the leaf whose split gains most is split first. */
  readonly maxLeaves: number;
  /** Splits between the root and a leaf at most. */
  readonly maxDepth: number;
  /** Rows on each side of a split at least. */
  readonly minRowsPerLeaf: number;
  /** Penalty on squared leaf values. */
  readonly l2: number;
  /** Gain that a split needs: G²/(H+l2) of both sides less that of the whole. */
  readonly minGain: number;
  /** Share of the rows that each tree sees. */
  readonly rowShare: number;
  /** Share of the columns that each tree sees (one at least). */
  readonly columnShare: number;
  /** Bins per column for values that are present. */
  readonly maxBins: number;
  /** Decides the samples of rows and columns; without sampling it changes nothing. */
  readonly seed: number;
}

export const DEFAULT_PARAMS: BoostingParams = {
  trees: 100,
  learningRate: 0.1,
  maxLeaves: 31,
  maxDepth: 16,
  minRowsPerLeaf: 20,
  l2: 1,
  minGain: 0,
  rowShare: 1,
  columnShare: 1,
  maxBins: 255,
  seed: 0,
};

interface Rule {
  readonly integer: boolean;
  readonly from: number;
  readonly to: number;
  /** The lower bound itself is not allowed. */
  readonly above?: boolean;
}

const RULES: Readonly<Record<keyof BoostingParams, Rule>> = {
  trees: { integer: true, from: 1, to: 10_000 },
  learningRate: { integer: false, from: 0, to: 1, above: true },
  maxLeaves: { integer: true, from: 2, to: 4_096 },
  maxDepth: { integer: true, from: 1, to: 64 },
  minRowsPerLeaf: { integer: true, from: 1, to: 1_000_000 },
  l2: { integer: false, from: 0, to: 1e9 },
  minGain: { integer: false, from: 0, to: 1e9 },
  rowShare: { integer: false, from: 0, to: 1, above: true },
  columnShare: { integer: false, from: 0, to: 1, above: true },
  maxBins: { integer: true, from: 2, to: 255 },
  seed: { integer: true, from: 0, to: 0xffffffff },
};

/** `given` over the defaults; throws a {@link TabularError} with every field that is unknown or out of its range. */
export function boostingParams(given: Partial<BoostingParams> = {}): BoostingParams {
  const problems: string[] = [];
  for (const [field, value] of Object.entries(given)) {
    const rule = Object.hasOwn(RULES, field) ? RULES[field as keyof BoostingParams] : undefined;
    if (rule === undefined) problems.push(`Parameter "${field}" is unknown; known are ${Object.keys(RULES).join(', ')}.`);
    else if (value !== undefined && !allows(rule, value)) problems.push(`Parameter "${field}" must be ${text(rule)}; it is ${String(value)}.`);
  }
  refuse(problems);
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...DEFAULT_PARAMS, ...set };
}

function allows(rule: Rule, value: unknown): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  if (rule.integer && !Number.isInteger(value)) return false;
  return (rule.above ? value > rule.from : value >= rule.from) && value <= rule.to;
}

function text(rule: Rule): string {
  return `${rule.integer ? 'an integer' : 'a number'} ${rule.above ? 'above' : 'from'} ${rule.from} ${rule.above ? 'and at most' : 'to'} ${rule.to}`;
}
