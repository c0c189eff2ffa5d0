import { digestOf } from '@rhei/expressions';
import type { Instant } from '@rhei/runtime';
import type { FeatureSet } from '../set/feature-set';
import type { FeatureView } from '../view/feature-view';
import type { Watermark } from '../watermark.store';
import type { JoinSummary } from './join-plan';

/** What a training set is of: the same request is built once. */
export interface TrainingSetRequest {
  featureSet: string;
  version: number;
  asOf: Instant;
  requireFullWindows: boolean;
}

export type TrainingSetState = 'building' | 'built' | 'failed';

export interface TrainingSet extends TrainingSetRequest {
  id: string;
  state: TrainingSetState;
  manifestDigest: string;
  manifest?: Manifest;
  error: string;
  /** Of what asked for it first. */
  traceparent: string;
}

export const idOf = ({ featureSet, version, asOf, requireFullWindows }: TrainingSetRequest): string => digestOf({ featureSet, version, asOf, requireFullWindows });

/** What a training set holds and where it came from; canonical JSON of it is a blob, whose digest names the set. */
export interface Manifest {
  id: string;
  featureSet: string;
  version: number;
  featureSetVersion: number;
  asOf: Instant;
  requireFullWindows: boolean;
  rows: number;
  /** As-of of the first and the last row. */
  from: Instant | null;
  to: Instant | null;
  columns: { name: string; type: string }[];
  /** Inputs of a model, in order: the columns `f_<name>`. */
  features: string[];
  /** Request fields that stand in the columns `r_<name>`. */
  requestFields: string[];
  /** `window` is null for one since ever. */
  views: { name: string; version: number; window: number | null; ttl: string | null }[];
  /** Of its examples, labels and views, by name. */
  sources: string[];
  digests: { rows: string; schema: string; parquet: string };
  /** How far each shard was when the join began. */
  positions: Watermark[];
  /** From here on the windows of all views were full. */
  filledFrom: Instant;
  /** Shares of the view records, examples and labels behind the set, by where their arrival comes from. */
  arrivalBasis: { observed: number; declared: number };
  /** Examples that could not be read with the set's request fields. */
  leftOut: number;
  /** Rows whose label or example took the place of an earlier revision. */
  corrected: number;
  /** Examples whose truth was taken back: they have no row. */
  withdrawn: number;
}

/** What is known by T about the records of one view. */
export interface ViewContent {
  view: string;
  basis: number;
  records: number;
  firstEventTime: Instant;
}

/**
 * When the windows of all views had filled: none of them would have held a record of before its first one. A view without
 * a record by `asOf` counts as if its first came then, which is the earliest that may still be true. A window since ever
 * is full from its first record on.
 */
export function filledFrom(views: readonly Pick<FeatureView, 'name' | 'window'>[], contents: readonly ViewContent[], asOf: Instant): Instant {
  const filled = views.map(({ name, window }) => Math.min(asOf, ...contents.filter(({ view }) => view === name).map(({ firstEventTime }) => firstEventTime)) + (window.length ?? 0));
  // A set that reads no view has nothing to wait for.
  return filled.length === 0 ? 0 : Math.max(...filled);
}

/** Counts rows by arrival basis. */
export class ArrivalBasis {
  private readonly rows = new Map<number, number>();

  add(basis: number, rows = 1): void {
    this.rows.set(basis, (this.rows.get(basis) ?? 0) + rows);
  }

  shares(): Manifest['arrivalBasis'] {
    const total = [...this.rows.values()].reduce((sum, rows) => sum + rows, 0);
    const declared = total === 0 ? 0 : (this.rows.get(2) ?? 0) / total;
    return { observed: total === 0 ? 0 : 1 - declared, declared };
  }
}

export interface Ingredients {
  id: string;
  request: TrainingSetRequest;
  set: FeatureSet;
  views: readonly FeatureView[];
  requestFields: string[];
  positions: Watermark[];
  filledFrom: Instant;
  arrivalBasis: ArrivalBasis;
  leftOut: number;
  corrected: number;
  withdrawn: number;
}

export function manifestOf(from: Ingredients, summary: JoinSummary, parquetDigest: string): Manifest {
  return {
    id: from.id, ...from.request, featureSetVersion: from.request.version, rows: summary.rows, from: summary.from, to: summary.to, columns: summary.columns,
    features: from.set.features.map(({ name }) => name), requestFields: from.requestFields,
    views: from.views.map(({ name, version, window, spec }) => ({ name, version, window: window.length ?? null, ttl: spec.ttl ?? null })),
    sources: [...new Set([from.set.spec.example.source, from.set.spec.label.source, ...from.views.map(({ spec }) => spec.source)])].sort(),
    digests: { rows: summary.rowsDigest, schema: digestOf(summary.columns), parquet: parquetDigest },
    positions: from.positions, filledFrom: from.filledFrom, arrivalBasis: from.arrivalBasis.shares(), leftOut: from.leftOut, corrected: from.corrected, withdrawn: from.withdrawn,
  };
}
