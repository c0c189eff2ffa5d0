import { DuckDBInstance } from '@duckdb/node-api';
import { tableOf, type Labels, type Table } from '@rhei/tabular';
import { FitRefused, type FitTask } from './task';

/** The rows of a training set by (as-of, example), as columns. Instants in microseconds. */
export interface Examples {
  asOf: Float64Array;
  time: Float64Array;
  labels: Labels;
  features: Table;
  /** Request fields that are numbers, by name; NaN is missing. */
  request: Map<string, Float64Array>;
}

/** Reads the Parquet file of a training set. Errors: {@link FitRefused} naming the columns that it lacks. */
export async function readExamples({ parquet, reads }: Pick<FitTask, 'parquet' | 'reads'>): Promise<Examples> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' });
  try {
    const connection = await instance.connect();
    const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${parquet.replaceAll("'", "''")}') ORDER BY as_of, example`);
    const columns = new Map(reader.columnNames().map((name, index) => [name, index]));
    const wanted = ['as_of', 'example_time', 'label', ...reads.features.map((name) => `f_${name}`), ...reads.request.map((name) => `r_${name}`)];
    const absent = wanted.filter((name) => !columns.has(name));
    if (absent.length > 0) throw new FitRefused(`The training set lacks the columns ${absent.join(', ')}; it has ${[...columns.keys()].join(', ')}.`);
    const values = reader.getColumns();
    const numbers = (name: string): Float64Array => Float64Array.from(values[columns.get(name)!], (value) => (value === null ? NaN : Number(value)));
    return {
      asOf: numbers('as_of'), time: numbers('example_time'), labels: Uint8Array.from(numbers('label')),
      features: tableOf(reads.features, reads.features.map((name) => numbers(`f_${name}`))),
      request: new Map(reads.request.map((name) => [name, numbers(`r_${name}`)])),
    };
  } finally {
    instance.closeSync();
  }
}
