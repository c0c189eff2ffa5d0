import type { ingestion } from '@rhei/contracts';
import { ExpressionError, type Expression } from '@rhei/expressions';
import type { Instant } from '@rhei/runtime';
import type { FeatureSet } from '../set/feature-set';
import { asNumber } from '../set/request';
import type { FeatureView } from '../view/feature-view';
import { toGrid, type Entry } from '../view/window';

/** Where and when a row came from. */
export interface Origin {
  source: string;
  record: string;
  eventTime: Instant;
  arrival: Instant;
  knownAt: Instant;
  recordedAt: Instant;
  /** 1 observed, 2 declared. */
  basis: number;
}
export interface ViewEntry extends Entry {
  view: string;
  entity: string;
  recordedAt: Instant;
  basis: number;
  revision: number;
  supersedes: string;
}
export interface ExampleRecord extends Origin {
  featureSet: string;
  example: string;
  /** The record's data as it came. */
  dataJson: string;
}
export interface LabelRecord extends Origin {
  featureSet: string;
  example: string;
  value: number;
}
/** An expression that had no result for one record. The record counts as absent there. */
export interface EvaluationFailure {
  kind: 'FeatureView' | 'FeatureSet';
  name: string;
  /** Which expression, such as `value` or `label.example`. */
  part: string;
  source: string;
  record: string;
  problem: string;
}

/** What a batch of records means to the views and sets. */
export interface Reading {
  entries: ViewEntry[];
  examples: ExampleRecord[];
  labels: LabelRecord[];
  failures: EvaluationFailure[];
}

class NoResult extends Error {
  constructor(readonly part: string, problem: string) {
    super(problem);
  }
}

/** Evaluates each record once for every view and set that asks for its source and type; a failure stops nobody else. */
export function readRecords(records: readonly ingestion.Record[], views: readonly FeatureView[], sets: readonly FeatureSet[]): Reading {
  const reading: Reading = { entries: [], examples: [], labels: [], failures: [] };
  const viewsOf = groupBy(views, ({ spec }) => `${spec.source} ${spec.event}`);
  const examplesOf = groupBy(sets, ({ spec }) => `${spec.example.source} ${spec.example.event}`);
  const labelsOf = groupBy(sets, ({ spec }) => `${spec.label.source} ${spec.label.event}`);
  for (const record of records) {
    const asked = `${record.source} ${record.type}`;
    if (!viewsOf.has(asked) && !examplesOf.has(asked) && !labelsOf.has(asked)) continue;
    const data = JSON.parse(record.dataJson) as Record<string, unknown>;
    const values = { data, subject: record.subject, id: record.id, key: record.key, time: record.eventTime };
    const origin = originOf(record);
    const attempt = (kind: EvaluationFailure['kind'], name: string, read: () => void): void => {
      try {
        read();
      } catch (error) {
        if (!(error instanceof NoResult)) throw error;
        reading.failures.push({ kind, name, part: error.part, source: record.source, record: record.id, problem: error.message });
      }
    };
    for (const view of viewsOf.get(asked) ?? []) {
      attempt('FeatureView', view.name, () => {
        const entry = entryOf(view, values, record, origin);
        if (entry !== undefined) reading.entries.push(entry);
      });
    }
    for (const set of examplesOf.get(asked) ?? []) {
      attempt('FeatureSet', set.name, () => reading.examples.push({ ...origin, featureSet: set.name, example: text(set.exampleId, 'example.id', values), dataJson: record.dataJson }));
    }
    for (const set of labelsOf.get(asked) ?? []) {
      attempt('FeatureSet', set.name, () => reading.labels.push({
        ...origin, featureSet: set.name, example: text(set.labelExample, 'label.example', values), value: number(set.labelValue, 'label.value', values),
      }));
    }
  }
  return reading;
}

function originOf(record: ingestion.Record): Origin {
  const { source, id, eventTime, arrival, recordedAt, arrivalBasis } = record;
  return { source, record: id, eventTime, arrival, knownAt: Math.max(arrival, eventTime), recordedAt, basis: arrivalBasis };
}

function entryOf(view: FeatureView, values: Record<string, unknown>, record: ingestion.Record, origin: Origin): ViewEntry | undefined {
  if (view.filter !== undefined && evaluate(view.filter, 'filter', values) !== true) return undefined;
  const entity = text(view.key, 'key', values);
  const value = view.value === undefined ? 0 : number(view.value, 'value', values);
  const scaled = toGrid(value, view.window.digits);
  if (scaled === undefined) throw new NoResult('value', `${value} is too large for the grid ${view.spec.grid}; a coarser grid holds it.`);
  return {
    view: view.name, entity, scaled, source: origin.source, id: origin.record, eventTime: origin.eventTime, arrival: origin.arrival, knownAt: origin.knownAt,
    recordedAt: origin.recordedAt, basis: origin.basis, revision: record.revision, supersedes: record.supersedes,
  };
}

function evaluate(expression: Expression, part: string, values: Record<string, unknown>): unknown {
  try {
    return expression.evaluate(values);
  } catch (error) {
    if (error instanceof ExpressionError) throw new NoResult(part, error.message);
    throw error;
  }
}

function text(expression: Expression, part: string, values: Record<string, unknown>): string {
  const result = evaluate(expression, part, values) as string;
  if (result === '') throw new NoResult(part, `${expression.source} gives an empty string.`);
  // Postgres keeps neither in a text, and one record must not stop its batch.
  if (/\0|\p{Cs}/u.test(result)) throw new NoResult(part, `${expression.source} gives a string with a NUL character or half a surrogate pair.`);
  return result;
}

function number(expression: Expression, part: string, values: Record<string, unknown>): number {
  const result = evaluate(expression, part, values);
  const value = asNumber(result);
  if (value === undefined) throw new NoResult(part, `${expression.source} gives ${JSON.stringify(result)}; expected a number, true or false.`);
  return value;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
