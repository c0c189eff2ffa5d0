import type { Instant } from '@rhei/runtime';
import type { FeatureSet, RequestType } from '../set/feature-set';
import type { FeatureView, TtlFrom } from '../view/feature-view';

/** What the join is told; it travels to the child as JSON. */
export interface JoinPlan {
  features: ({ name: string; kind: 'request' } | { name: string; kind: 'view'; view: string; ttls: TtlFrom[] })[];
  /** Request fields: they stand in the result beside the features, for profiles, slices and the search for leaks. */
  request: Column[];
}

/** An example on its way into the join. */
export interface JoinExample {
  example: string;
  asOf: Instant;
  exampleTime: Instant;
  label: number;
  /** In the order of the set's features: a value computed from the request, or the entity to look up. */
  features: (number | string)[];
  /** In the order of the plan's request fields. */
  request: (number | string)[];
}
/** A value row on its way into the join. */
export interface JoinValue {
  view: string;
  entity: string;
  knownAt: Instant;
  eventTime: Instant;
  /** Null where there was nothing any more, or a ratio had nothing below. */
  value: number | null;
}

export interface Column {
  name: string;
  type: 'VARCHAR' | 'BIGINT' | 'DOUBLE';
}

export type JoinTable = 'examples' | 'values';
export interface JoinSummary {
  rows: number;
  /** As-of of the first and the last row; null when there is none. */
  from: Instant | null;
  to: Instant | null;
  columns: Column[];
  /** SHA-256 over the rows by (as-of, example), a line of canonical JSON each. */
  rowsDigest: string;
  /** Length of the Parquet file. */
  bytes: number;
}

/** A part of the join, for the trace of its training set. Milliseconds since 1970. */
export interface JoinPhase {
  name: string;
  from: number;
  to: number;
}

/** Truth values stand there as text, timestamps as microseconds. */
const requestColumns: Record<RequestType, Column['type']> = { string: 'VARCHAR', bool: 'VARCHAR', double: 'DOUBLE', int: 'DOUBLE', timestamp: 'BIGINT' };

export function planOf(set: FeatureSet, views: ReadonlyMap<string, FeatureView>): JoinPlan {
  return {
    features: set.features.map((feature) => feature.kind === 'request'
      ? { name: feature.name, kind: 'request' }
      : { name: feature.name, kind: 'view', view: feature.view, ttls: views.get(feature.view)!.ttls }),
    request: Object.entries(set.spec.request).map(([name, type]) => ({ name, type: requestColumns[type] })),
  };
}

/** The columns of a training set, in order. */
export function columnsOf({ features, request }: JoinPlan): Column[] {
  return [
    { name: 'example', type: 'VARCHAR' }, { name: 'as_of', type: 'BIGINT' }, { name: 'example_time', type: 'BIGINT' }, { name: 'label', type: 'DOUBLE' },
    ...features.map(({ name }): Column => ({ name: `f_${name}`, type: 'DOUBLE' })),
    ...request.map(({ name, type }): Column => ({ name: `r_${name}`, type })),
  ];
}

/** The columns of the examples as they go in: an entity stands where its value will be. */
export function exampleColumns(plan: JoinPlan): Column[] {
  return columnsOf(plan).map((column, index) => {
    const feature = plan.features[index - 4];
    return feature?.kind === 'view' ? { name: `e_${feature.name}`, type: 'VARCHAR' } : column;
  });
}

export const valueColumns: Column[] = [
  { name: 'view', type: 'VARCHAR' }, { name: 'entity', type: 'VARCHAR' }, { name: 'known_at', type: 'BIGINT' }, { name: 'event_time', type: 'BIGINT' }, { name: 'value', type: 'DOUBLE' },
];

/** What stands before the rows of a page on their way into the join: whose they are, and how many bytes of CSV. */
export interface PageHead {
  table: JoinTable;
  bytes: number;
}

/**
 * A row as a line of CSV: texts always in quotes, so that an empty one is none of the nulls, and numbers in the shortest
 * form that reads back as they are.
 */
export function csvLine(columns: readonly Column[], row: readonly (string | number | null)[]): string {
  let line = '';
  for (let at = 0; at < columns.length; at += 1) {
    const value = row[at];
    if (at > 0) line += ',';
    if (value !== null) line += columns[at].type === 'VARCHAR' ? `"${(value as string).replaceAll('"', '""')}"` : value;
  }
  return `${line}\n`;
}

/** The rows of a file of such lines. */
export const csvSql = (columns: readonly Column[], file: string): string =>
  `SELECT * FROM read_csv(${literal(file)}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, new_line = '\\n', columns = {${columns.map(({ name, type }) => `${literal(name)}: ${literal(type)}`).join(', ')}})`;

/** Text as an SQL literal. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/**
 * The point-in-time join: for each example and feature the newest row that was known at the example's as-of, withheld
 * when it is older than its TTL. The same as `rowsAt` and `verdictOn` say online.
 */
export function joinSql(plan: JoinPlan, examples: string, values: string): string {
  const select = ['x."example"', 'x."as_of"', 'x."example_time"', 'x."label"'];
  const joins: string[] = [];
  plan.features.forEach((feature, index) => {
    if (feature.kind === 'request') return select.push(`x.${identifier(`f_${feature.name}`)}`);
    const row = `v${index}`;
    joins.push(`ASOF LEFT JOIN (SELECT entity, known_at, event_time, value FROM read_parquet(${literal(values)}) WHERE view = ${literal(feature.view)}) AS ${row}
      ON x.${identifier(`e_${feature.name}`)} = ${row}.entity AND x."as_of" >= ${row}.known_at`);
    return select.push(`CASE WHEN NOT (${expiredSql(`x."as_of" - ${row}.event_time`, feature.ttls)}) THEN ${row}.value END AS ${identifier(`f_${feature.name}`)}`);
  });
  select.push(...plan.request.map(({ name }) => `x.${identifier(`r_${name}`)}`));
  return `SELECT ${select.join(', ')} FROM read_parquet(${literal(examples)}) AS x ${joins.join('\n')} ORDER BY x."as_of", x."example"`;
}

/** {@link expired} with the TTL of {@link ttlAt}. */
function expiredSql(age: string, ttls: readonly TtlFrom[]): string {
  const verdict = ({ ttl }: TtlFrom): string => (ttl === undefined ? 'false' : `${age} > ${ttl}`);
  const later = ttls.slice(1).reverse().map((one) => `WHEN x."as_of" >= ${one.from} THEN ${verdict(one)}`);
  return later.length === 0 ? verdict(ttls[0]) : `CASE ${later.join(' ')} ELSE ${verdict(ttls[0])} END`;
}
