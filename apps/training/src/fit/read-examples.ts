import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { canonicalJson } from '@rhei/expressions';
import { tableOf, type Labels, type Table } from '@rhei/tabular';
import { createHash } from 'node:crypto';
import type { PlanSpec } from '../plan-spec';
import { FitRefused, type FitTask } from './task';

/** A request field of each example, as its training set has it. NaN is missing. */
export type Field = { kind: 'text'; values: string[] } | { kind: 'number' | 'instant'; values: Float64Array };

/** The rows of a training set by (as-of, example), as columns. Instants in microseconds. */
export interface Examples {
  ids: string[];
  asOf: Float64Array;
  time: Float64Array;
  labels: Labels;
  features: Table;
  /** By name: those that the profile counts, that the plan names, and all instants. */
  request: Map<string, Field>;
}

const columnNames = ['as_of', 'example_time', 'label'];
const typeNames: Record<string, Field['kind']> = { VARCHAR: 'text', DOUBLE: 'number', BIGINT: 'instant' };

/** Reads the Parquet file of a training set. Errors: {@link FitRefused} naming the columns that it lacks. */
export async function readExamples({ parquet, reads, spec }: Pick<FitTask, 'parquet' | 'reads' | 'spec'>): Promise<Examples> {
  return reading(parquet, async (connection, from) => {
    const head = await connection.runAndReadAll(`SELECT * FROM ${from} LIMIT 0`);
    const types = new Map(head.columnNames().map((name, at) => [name, typeNames[String(head.columnType(at))]]));
    const named = [...new Set([...reads.request, ...requestFieldsIn(spec)])].map((name) => `r_${name}`);
    const wanted = ['example', ...columnNames, ...reads.features.map((name) => `f_${name}`), ...named];
    const absent = wanted.filter((name) => !types.has(name));
    if (absent.length > 0) throw new FitRefused(`The training set lacks the columns ${absent.join(', ')}; it has ${[...types.keys()].join(', ')}.`);
    const instants = [...types].filter(([name, type]) => name.startsWith('r_') && type === 'instant' && !named.includes(name)).map(([name]) => name);
    const kindOf = (name: string): Field['kind'] => (name === 'example' || (name.startsWith('r_') && types.get(name) === 'text') ? 'text' : types.get(name) === 'instant' ? 'instant' : 'number');
    const fields = await readColumns(connection, from, [...wanted, ...instants].map((name) => ({ name, kind: kindOf(name) })));
    const numbers = (name: string): Float64Array => fields.get(name)!.values as Float64Array;
    return {
      ids: fields.get('example')!.values as string[], asOf: numbers('as_of'), time: numbers('example_time'), labels: Uint8Array.from(numbers('label')),
      features: tableOf(reads.features, reads.features.map((name) => numbers(`f_${name}`))),
      request: new Map([...named, ...instants].map((name) => [name.slice(2), fields.get(name)!])),
    };
  });
}

/** SHA-256 over the canonical rows in the file, as the feature service counted it when it wrote them. */
export async function rowsDigestOf({ parquet, reads }: Pick<FitTask, 'parquet' | 'reads'>): Promise<string> {
  return reading(parquet, async (connection, from) => {
    const hash = createHash('sha256');
    const columns = ['example', 'as_of', 'label', ...reads.features.map((name) => `f_${name}`)].map(identifier).join(', ');
    for await (const rows of (await connection.stream(`SELECT ${columns} FROM ${from} ORDER BY as_of, example`)).yieldRows()) {
      for (const [example, asOf, label, ...features] of rows) {
        hash.update(`${canonicalJson({ example, asOf: Number(asOf), label, features: Object.fromEntries(reads.features.map((name, at) => [name, features[at]])) })}\n`);
      }
    }
    return hash.digest('hex');
  });
}

/** The request fields that a plan names for slices and its group. */
export const requestFieldsIn = ({ slices = [], split }: Pick<PlanSpec, 'slices' | 'split'>): string[] =>
  [...slices, ...(split.group === undefined ? [] : [split.group])].filter((name) => name.startsWith('request.')).map((name) => name.slice('request.'.length));

async function reading<Result>(parquet: string, work: (connection: DuckDBConnection, from: string) => Promise<Result>): Promise<Result> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '1GB', autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' });
  try {
    return await work(await instance.connect(), `read_parquet('${parquet.replaceAll("'", "''")}')`);
  } finally {
    instance.closeSync();
  }
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

async function readColumns(connection: DuckDBConnection, from: string, wanted: { name: string; kind: Field['kind'] }[]): Promise<Map<string, Field>> {
  const rows = Number((await connection.runAndReadAll(`SELECT count(*) FROM ${from}`)).getRows()[0][0]);
  const fields = wanted.map(({ kind }): Field => (kind === 'text' ? { kind, values: new Array<string>(rows).fill('') } : { kind, values: new Float64Array(rows) }));
  // Microseconds since the epoch are exact in a double.
  const select = wanted.map(({ name, kind }) => (kind === 'text' ? identifier(name) : `CAST(${identifier(name)} AS DOUBLE)`)).join(', ');
  let start = 0;
  for await (const chunk of await connection.stream(`SELECT ${select} FROM ${from} ORDER BY as_of, example`)) {
    fields.forEach((field, at) => {
      const values = chunk.getColumnValues(at);
      if (field.kind === 'text') values.forEach((value, row) => { field.values[start + row] = (value as string | null) ?? ''; });
      else values.forEach((value, row) => { field.values[start + row] = value === null ? NaN : (value as number); });
    });
    start += chunk.rowCount;
  }
  return new Map(wanted.map(({ name }, at) => [name, fields[at]]));
}
