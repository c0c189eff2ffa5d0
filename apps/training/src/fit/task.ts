import type { training } from '@rhei/contracts';
import type { Instant } from '@rhei/expressions';
import type { PlanSpec } from '../plan-spec';
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
}

export interface Metrics {
  logLoss: number;
  auc: number;
  brier: number;
}

/** What gates decide on. Instants are RFC 3339. */
export interface FitReport {
  holdout: { from: string; to: string; rows: number };
  fit: { from: string; to: string; rows: number };
  baseRate: Metrics;
  challenger: Metrics;
  /** Without metrics when it could not score these rows. */
  champion?: { digest: string } & (Metrics | { unable: string });
  /** Whether the challenger beats the champion (without one: the base rate) by the plan's metric. */
  improved: boolean;
}

export interface FitResult {
  artifact: Uint8Array;
  report: FitReport;
  card: unknown;
  signature: unknown;
  example: unknown;
  parameters: unknown;
  profile: training.ReferenceProfile;
  fitUntil: Instant;
  /** SHA-256 over the built files that made it. */
  codeDigest: string;
}

/** A part of the work, for the trace of its run. Milliseconds since 1970. */
export interface Phase {
  name: string;
  from: number;
  to: number;
}

export type FromChild =
  | { type: 'progress'; done: number }
  | ({ type: 'phase' } & Phase)
  /** All but the artifact stands in `resultJson`. */
  | { type: 'done'; resultJson: string; artifact: Uint8Array }
  /** The run cannot bring a version; doing it again would end the same way. */
  | { type: 'refused'; reason: string };

/** Why a run cannot bring a version, in a sentence for people. */
export class FitRefused extends Error {}
