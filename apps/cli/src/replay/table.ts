import { DuckDBInstance } from '@duckdb/node-api';
import { RheiError } from '@rhei/contracts';
import { hashUnit, sha256, type FieldType, type Instant } from '@rhei/expressions';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import type { Story } from './story';

export type Row = Record<string, number | string | boolean | null>;

export interface Table {
  /** Rows inside the story's period, ascending by time; instants are microseconds. */
  rows: Row[];
  columns: Record<string, FieldType>;
  timeColumn: string;
  /** SHA-256 of the file. */
  digest: string;
}

const readers: Record<string, string> = { '.parquet': 'read_parquet', '.csv': 'read_csv_auto', '.json': 'read_json_auto' };

/**
 * Reads the story's table and thins it evenly to at most `limit` rows: the period's rows, in their total order, are cut into
 * `limit` runs of equal length, and one of each is taken by a hash of (seed, run).
 */
export async function readTable(story: Story, limit: number): Promise<Table> {
  const { data, period, sample } = story.spec;
  const file = locate(story);
  const reader = readers[extname(file)];
  if (reader === undefined) throw new RheiError('invalid', `${file}: a table is one of ${Object.keys(readers).join(', ')}.`);
  const timeColumn = period.time.replace(/^row\./, '');
  const name = (column: string): string => `"${column.replaceAll('"', '""')}"`;
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' });
  try {
    const connection = await instance.connect();
    await connection.run(`CREATE VIEW source AS SELECT * FROM ${reader}('${file.replaceAll("'", "''")}')`);
    const described = await connection.runAndReadAll('DESCRIBE source');
    const types = new Map(described.getRowObjects().map((row) => [String(row.column_name), String(row.column_type)]));
    const unknown = [timeColumn, ...data.order].filter((column) => !types.has(column));
    if (unknown.length > 0) throw new RheiError('invalid', `${file} has no column ${unknown.join(', ')}; it has ${[...types.keys()].join(', ')}.`);

    const inPeriod = `${name(timeColumn)} >= make_timestamp(${period.from}) AND ${name(timeColumn)} < make_timestamp(${period.to})`;
    const order = data.order.map(name).join(', ');
    const counted = await connection.runAndReadAll(`SELECT count(*)::INTEGER AS n FROM source WHERE ${inPeriod}`);
    const total = Number(counted.getRowObjects()[0].n);
    const take = Math.min(limit, total);
    const ranks = Array.from({ length: take }, (_, run) => Math.floor(((run + hashUnit(sample.seed, 'sample', run)) * total) / take));
    const selected = [...types].map(([column, type]) => (isTime(type) ? `epoch_us(${name(column)}::TIMESTAMP)::DOUBLE` : isNumber(type) ? `${name(column)}::DOUBLE` : name(column)) + ` AS ${name(column)}`);
    await connection.run(`CREATE TABLE picked AS SELECT unnest([${ranks.join(',')}]::INTEGER[]) AS rank`);
    const result = await connection.runAndReadAll(
      `SELECT ${selected.join(', ')} FROM (SELECT *, row_number() OVER (ORDER BY ${order})::INTEGER - 1 AS rank FROM source WHERE ${inPeriod}) JOIN picked USING (rank) ORDER BY rank`,
    );
    const columns = Object.fromEntries([...types].map(([column, type]): [string, FieldType] => [column, isTime(type) ? 'timestamp' : isNumber(type) ? 'double' : type === 'BOOLEAN' ? 'bool' : 'string']));
    return { rows: result.getRowObjectsJS() as Row[], columns, timeColumn, digest: sha256(readFileSync(file)) };
  } finally {
    instance.closeSync();
  }
}

const isTime = (type: string): boolean => type.startsWith('TIMESTAMP') || type === 'DATE';
const isNumber = (type: string): boolean => /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|UINTEGER|FLOAT|DOUBLE|DECIMAL)/.test(type);

function locate({ folder, file: storyFile, spec: { data } }: Story): string {
  if (data.package === undefined) {
    const file = resolve(folder, data.file);
    if (!existsSync(file)) throw new RheiError('not_found', `The story ${storyFile} reads ${file}, which is not there.`);
    return file;
  }
  // The package is looked up from the story first, so that a story elsewhere can bring its own data.
  for (const from of [join(folder, 'story.js'), __filename]) {
    try {
      const require = createRequire(from);
      const entry = require.resolve.paths(data.package)!.map((path) => join(path, data.package!)).find((path) => existsSync(path));
      if (entry !== undefined && existsSync(join(entry, data.file))) return join(entry, data.file);
    } catch {
      continue;
    }
  }
  throw new RheiError('not_found', `The story reads ${data.file} of the npm package ${data.package}, which is not installed.`, { hint: `npm install ${data.package}`, field: dirname(storyFile) });
}

/** Moves whole days among days of the same weekday: what stays is the calendar, what goes is every change over time. */
export function shuffleDays(rows: Row[], timeColumn: string, from: Instant, seed: number): Row[] {
  const day = 86_400_000_000;
  const dayOf = (row: Row): number => Math.floor(((row[timeColumn] as number) - from) / day);
  const last = rows.reduce((latest, row) => Math.max(latest, dayOf(row)), 0);
  const goesTo = new Map<number, number>();
  for (let weekday = 0; weekday < 7; weekday++) {
    const days = Array.from({ length: last + 1 }, (_, index) => index).filter((index) => index % 7 === weekday);
    const shuffled = [...days].sort((a, b) => hashUnit(seed, 'shuffle-days', a) - hashUnit(seed, 'shuffle-days', b));
    days.forEach((original, position) => goesTo.set(original, shuffled[position]));
  }
  return rows
    .map((row) => ({ ...row, [timeColumn]: (row[timeColumn] as number) + (goesTo.get(dayOf(row))! - dayOf(row)) * day }))
    .sort((a, b) => (a[timeColumn] as number) - (b[timeColumn] as number));
}
