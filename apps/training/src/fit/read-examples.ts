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
  const wanted = ['as_of', 'example_time', 'label', ...reads.features.map((name) => `f_${name}`), ...reads.request.map((name) => `r_${name}`)];
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '1GB', autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' });
  try {
    const connection = await instance.connect();
    const from = `read_parquet('${parquet.replaceAll("'", "''")}')`;
    const present = (await connection.runAndReadAll(`SELECT * FROM ${from} LIMIT 0`)).columnNames();
    const absent = wanted.filter((name) => !present.includes(name));
    if (absent.length > 0) throw new FitRefused(`The training set lacks the columns ${absent.join(', ')}; it has ${present.join(', ')}.`);
    const rows = Number((await connection.runAndReadAll(`SELECT count(*) FROM ${from}`)).getRows()[0][0]);
    // Microseconds since the epoch are exact in a double.
    const select = wanted.map((name) => `CAST("${name}" AS DOUBLE)`).join(', ');
    const columns = wanted.map(() => new Float64Array(rows));
    let start = 0;
    for await (const chunk of await connection.stream(`SELECT ${select} FROM ${from} ORDER BY as_of, example`)) {
      columns.forEach((column, at) => chunk.getColumnValues(at).forEach((value, row) => { column[start + row] = value === null ? NaN : (value as number); }));
      start += chunk.rowCount;
    }
    const features = columns.slice(3, 3 + reads.features.length);
    const request = columns.slice(3 + reads.features.length);
    return {
      asOf: columns[0], time: columns[1], labels: Uint8Array.from(columns[2]), features: tableOf(reads.features, features),
      request: new Map(reads.request.map((name, at) => [name, request[at]])),
    };
  } finally {
    instance.closeSync();
  }
}
