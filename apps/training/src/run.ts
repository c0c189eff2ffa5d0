import { digestOf, type Duration, type Instant } from '@rhei/expressions';
import type { FitRecord, FitReport } from './fit/task';
import type { PlanSpec } from './plan-spec';

/** `waiting` for its training set · `running` in a process, or about to · and three ends. */
export const runStates = ['waiting', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type RunState = (typeof runStates)[number];
export const isOpen = (state: RunState): boolean => state === 'waiting' || state === 'running';

/** What started a run; travels with the run to the version. */
export interface Cause {
  kind: 'plan' | 'drift' | 'person';
  id: string;
  reason: string;
}

/** How the training set of a waiting run stands: the feature service was not asked yet, or it answered that it builds. */
export type BuildState = 'unasked' | 'building' | 'built';

/** What a run takes from its feature set, as it stood when the run was started. */
export interface Reads {
  /** The model's inputs, in order. */
  features: string[];
  /** Request fields that are numbers: the reference profile counts them. */
  request: string[];
  maturity: Duration;
}

/** The version that a run is compared with. */
export interface Champion {
  version: number;
  digest: string;
  /** No row that fitted it is later than this. */
  fitUntil: Instant;
}

export interface Run {
  id: string;
  plan: string;
  model: string;
  featureSet: string;
  featureSetVersion: number;
  reads: Reads;
  /** The plan's specification when the run was started. */
  spec: PlanSpec;
  state: RunState;
  /** The instant whose knowledge the run uses. */
  asOf: Instant;
  cause: Cause;
  by: string;
  requestId?: string;
  build: BuildState;
  /** The feature service's id of the training set; empty until it answered. */
  trainingSet: string;
  manifestDigest: string;
  /** Digest of the training set's canonical rows. */
  trainingSetDigest: string;
  /** Taken when the run begins; absent when the model had none. */
  champion?: Champion;
  progress: number;
  /** What its process is at; empty before and after. */
  phase: string;
  /** Fits also where an earlier run had the same inputs. */
  noCache: boolean;
  /** The earlier run whose result this one took. */
  cachedFrom?: string;
  /** How often the run's process died. */
  deaths: number;
  report?: FitReport;
  /** What it keeps beside its report; absent until it has succeeded. */
  record?: FitRecord;
  artifactDigest: string;
  failure: string;
  /** Of what started it; its work goes on in that trace. */
  traceparent: string;
  endedAt?: Instant;
  /** Of its process. */
  seconds: number;
}

/** A run's id is derived from what it is, so that a repeated story gives the same one. */
export const runId = (plan: string, number: number, asOf: Instant, cause: Cause): string => digestOf({ plan, number, asOf, cause }).slice(0, 16);

/** A process may die once by no fault of the run's own: a kill, a machine that went away. */
export const mayTryAgain = (deaths: number): boolean => deaths <= 1;
