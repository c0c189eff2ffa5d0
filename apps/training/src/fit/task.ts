import type { training } from '@rhei/contracts';
import type { Instant } from '@rhei/expressions';
import type { LeakKind, PlanSpec } from '../plan-spec';
import type { Reads } from '../run';

/** What the process of a run is told. Paths are verified local copies from the blob store. */
export interface FitTask {
  parquet: string;
  reads: Reads;
  spec: PlanSpec;
  asOf: Instant;
  filledFrom: Instant;
  /** Digest of the training set's canonical rows. */
  trainingSetDigest: string;
  champion?: { digest: string; path: string; fitUntil: Instant };
  /** Counts the digest of the rows in the file too: a repeated run tells whether they are those that were recorded. */
  hashRows?: boolean;
  /** What the training set's manifest says about where its rows come from: for the card, nothing is computed from it. */
  origin?: Record<string, unknown>;
}

export interface Metrics {
  logLoss: number;
  auc: number;
  brier: number;
}

/** See {@link calibrationOf}; without an interval where the holdout has rows of one day only. */
export interface Calibration {
  error: number;
  low?: number;
  high?: number;
  slope?: number;
  bins: { predicted: number; observed: number; rows: number }[];
}
export type Measured = Metrics & { calibration: Calibration };

/** Log loss of the challenger minus that of another on the same rows, with a 95 % interval. */
export interface Difference {
  mean: number;
  low: number;
  high: number;
  rows: number;
}

/** Figures of the challenger on a part of the holdout, and its difference to the champion, without one to the base rate. */
export interface Slice {
  field: string;
  value: string;
  rows: number;
  logLoss: number;
  /** Null with rows of fewer than two days. */
  difference: { mean: number; low: number; high: number } | null;
}

/** What gives the label away, or lets the holdout know more than it should. */
export interface Leak {
  /** A feature, `request.<field>`, `as_of`, `example_time`, or `*` for whole rows. */
  column: string;
  kind: LeakKind;
  evidence: string;
  /** The plan allows it, for a reason. */
  overridden: boolean;
  reason?: string;
}

/** What gates decide on. Instants are RFC 3339. */
export interface FitReport {
  holdout: { from: string; to: string; rows: number };
  fit: { from: string; to: string; rows: number };
  baseRate: Measured;
  challenger: Measured;
  /** A logistic regression on the same rows: what is not better than a straight line is not worth its trees. */
  linear: Measured;
  /** Without metrics when it could not score these rows. */
  champion?: { digest: string } & (Measured | { unable: string });
  /** Paired, by the name of the other; absent where the holdout has rows of one day only. */
  difference: { champion?: Difference; linear?: Difference; baseRate?: Difference };
  slices: Slice[];
  leaks: Leak[];
  /** Of early stopping: the number of trees, and how many there might have been. */
  stopped?: { round: number; of: number };
  /** Whether the challenger beats the champion (without one: the base rate) and the linear baseline by the plan's metric. */
  improved: boolean;
  /** Those that it does not beat: "champion" or "base rate", "linear baseline". */
  unbeaten: string[];
  /** The earlier run with the same inputs that this report is of. */
  cachedFrom?: string;
}

/** Log losses of one day, summed. */
export interface ScoredDay {
  day: Instant;
  rows: number;
  logLoss: number;
}

/** What a run keeps beside its report: what its version needs, and what comparing and repeating it needs. */
export interface FitRecord {
  /** Bytes of the model file. */
  artifactSize: number;
  card: unknown;
  signature: unknown;
  example: unknown;
  parameters: Record<string, unknown>;
  profile: training.ReferenceProfile;
  fitUntil: Instant;
  /** SHA-256 over the built files that made it. */
  codeDigest: string;
  /** Which rows scored (a digest over their ids, as-ofs and labels), and how the model did on each day of them. */
  scored: { digest: string; days: ScoredDay[] };
}

export interface FitResult extends FitRecord {
  artifact: Uint8Array;
  report: FitReport;
  /** Digest over all that the model and its report rest on, the code included. */
  inputsDigest: string;
  /** Of the rows in the file, where the task asked for it. */
  rowsDigest?: string;
}

/** A part of the work, for the trace of its run. Milliseconds since 1970. */
export interface Phase {
  name: string;
  from: number;
  to: number;
}

export type FromChild =
  | { type: 'progress'; done: number }
  /** A part begins, and one that is over. */
  | { type: 'begin'; name: string }
  | ({ type: 'phase' } & Phase)
  /** Said once, before the fit; it goes on when it is answered. */
  | { type: 'inputs'; digest: string }
  /** All but the artifact stands in `resultJson`. */
  | { type: 'done'; resultJson: string; artifact: Uint8Array }
  /** The run cannot bring a version; doing it again would end the same way. */
  | { type: 'refused'; reason: string };

/** Why a run cannot bring a version, in a sentence for people. */
export class FitRefused extends Error {}
