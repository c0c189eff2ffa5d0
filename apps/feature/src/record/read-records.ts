import type { ingestion } from '@rhei/contracts';
import { ExpressionError, type Expression } from '@rhei/expressions';
import type { Instant } from '@rhei/runtime';
import type { FeatureSet } from '../set/feature-set';
import { asNumber } from '../set/request';
import type { FeatureView } from '../view/feature-view';
import { toGrid, type Entry } from '../view/window';
import type { Fact, Revision } from './fact';

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
  /** The fact that it states, among those of its source and type; empty: one of its own. */
  identity: string;
}
export interface ViewEntry extends Entry {
  view: string;
  entity: string;
  identity: string;
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
  /** The facts that it revises, with the revisions of this batch. */
  facts: Fact[];
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

/**
 * Evaluates each record once for every view and set that asks for its source and type; a failure stops nobody else.
 * A withdrawn record is only a revision of its fact: it takes back what others said, and says nothing.
 */
export function readRecords(records: readonly ingestion.Record[], views: readonly FeatureView[], sets: readonly FeatureSet[]): Reading {
  const reading: Reading = { facts: [], entries: [], examples: [], labels: [], failures: [] };
  const facts = new Map<string, Fact & { revisions: Revision[] }>();
  const viewsOf = groupBy(views, ({ spec }) => `${spec.source} ${spec.event}`);
  const examplesOf = groupBy(sets, ({ spec }) => `${spec.example.source} ${spec.example.event}`);
  const labelsOf = groupBy(sets, ({ spec }) => `${spec.label.source} ${spec.label.event}`);
  for (const record of records) {
    const asked = `${record.source} ${record.type}`;
    if (!viewsOf.has(asked) && !examplesOf.has(asked) && !labelsOf.has(asked)) continue;
    const origin = originOf(record);
    if (record.identity !== '') addRevision(facts, record, origin.knownAt);
    if (record.withdrawn) continue;
    const data = JSON.parse(record.dataJson) as Record<string, unknown>;
    const values = { data, subject: record.subject, id: record.id, key: record.key, time: record.eventTime };
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
  reading.facts = [...facts.values()];
  return reading;
}

function addRevision(facts: Map<string, Fact & { revisions: Revision[] }>, { source, type, identity, id, revision, eventTime, arrival, withdrawn }: ingestion.Record, knownAt: Instant): void {
  const key = `${source}\0${type}\0${identity}`;
  const one: Revision = { id, revision, eventTime, arrival, knownAt, withdrawn };
  const fact = facts.get(key);
  if (fact === undefined) facts.set(key, { source, type, identity, revisions: [one] });
  else fact.revisions.push(one);
}

function originOf(record: ingestion.Record): Origin {
  const { source, id, eventTime, arrival, recordedAt, arrivalBasis, identity } = record;
  return { source, record: id, eventTime, arrival, knownAt: Math.max(arrival, eventTime), recordedAt, basis: arrivalBasis, identity };
}

function entryOf(view: FeatureView, values: Record<string, unknown>, record: ingestion.Record, origin: Origin): ViewEntry | undefined {
  if (view.filter !== undefined && evaluate(view.filter, 'filter', values) !== true) return undefined;
  const entity = text(view.key, 'key', values);
  const entry: ViewEntry = {
    view: view.name, entity, scaled: 0n, source: origin.source, id: origin.record, eventTime: origin.eventTime, arrival: origin.arrival, knownAt: origin.knownAt,
    recordedAt: origin.recordedAt, basis: origin.basis, identity: origin.identity, revision: record.revision, supersedes: record.supersedes,
  };
  if (view.window.aggregate === 'distinct') return { ...entry, item: item(view.value!, 'value', values) };
  if (view.value !== undefined) entry.scaled = onGrid(view, view.value, 'value', values);
  if (view.per !== undefined) entry.below = onGrid(view, view.per, 'per', values);
  return entry;
}

function onGrid(view: FeatureView, expression: Expression, part: string, values: Record<string, unknown>): bigint {
  const value = number(expression, part, values);
  const scaled = toGrid(value, view.window.digits);
  if (scaled === undefined) throw new NoResult(part, `${value} is too large for the grid ${view.spec.grid}; a coarser grid holds it.`);
  return scaled;
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
  return storable(expression, result, part);
}

function storable({ source }: Expression, text: string, part: string): string {
  // Postgres keeps neither in a text, and one record must not stop its batch.
  if (/\0|\p{Cs}/u.test(text)) throw new NoResult(part, `${source} gives a string with a NUL character or half a surrogate pair.`);
  return text;
}

/** A text or a number as JSON, so that 1 and "1" are two. */
function item(expression: Expression, part: string, values: Record<string, unknown>): string {
  const result = evaluate(expression, part, values);
  const value = typeof result === 'string' ? storable(expression, result, part) : asNumber(result);
  if (value === undefined) throw new NoResult(part, `${expression.source} gives ${JSON.stringify(result)}; expected a text, a number, true or false.`);
  return JSON.stringify(value);
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
