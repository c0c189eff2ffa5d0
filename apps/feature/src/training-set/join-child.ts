import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DuckDBInstance, type DuckDBAppender, type DuckDBConnection } from '@duckdb/node-api';
import { canonicalJson } from '@rhei/expressions';
import { columnList, columnsOf, exampleColumns, joinSql, literal, valueColumns, type Column, type JoinPhase, type JoinPlan, type JoinSummary, type JoinTable } from './join-plan';

/*
 * The process that joins: DuckDB keeps memory that it once had, and cannot be stopped inside of another process.
 * In: lines of JSON, the plan, then pages of rows by table, then "end". Out: a line of JSON about the result, then the
 * bytes of the Parquet file. Its folder of files goes with it.
 */
async function main(directory: string): Promise<void> {
  const phases = new Phases();
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const folder = mkdtempSync(join(directory, 'rhei-join-'));
  // The parent is gone when nothing can be written any more.
  process.stdout.on('error', () => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(1);
  });
  try {
    const plan = JSON.parse((await lines.next()).value as string) as JoinPlan;
    const instance = await DuckDBInstance.create(':memory:', {
      // One thread: what is read back, written and hashed keeps one order without thinking about it.
      threads: '1', memory_limit: '1GB', temp_directory: folder, autoinstall_known_extensions: 'false', autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    const files = { examples: join(folder, 'examples.parquet'), values: join(folder, 'values.parquet'), result: join(folder, 'result.parquet') };
    if (!await receive(connection, plan, lines, files)) return;
    phases.begin('join');
    await connection.run(`COPY (${joinSql(plan, files.examples, files.values)}) TO ${literal(files.result)} (FORMAT parquet)`);
    phases.begin('summarise');
    const summary = await summarise(connection, plan, files.result);
    connection.closeSync();
    instance.closeSync();
    const parquet = readFileSync(files.result);
    process.stdout.write(`${JSON.stringify({ ...summary, bytes: parquet.length, phases: phases.end() })}\n`);
    await new Promise<void>((done) => process.stdout.write(parquet, () => done()));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What it did when: the parent keeps the trace. */
class Phases {
  private readonly begun = [{ name: 'take in rows', from: this.now() }];

  begin(name: string): void {
    this.begun.push({ name, from: this.now() });
  }

  end(): JoinPhase[] {
    const now = this.now();
    return this.begun.map((phase, index) => ({ ...phase, to: this.begun[index + 1]?.from ?? now }));
  }

  private now(): number {
    return performance.timeOrigin + performance.now();
  }
}

/** Takes the rows in and writes them as Parquet; false when the parent went away in the middle. */
async function receive(connection: DuckDBConnection, plan: JoinPlan, lines: AsyncIterator<string>, files: { examples: string; values: string }): Promise<boolean> {
  const columns: Record<JoinTable, Column[]> = { examples: exampleColumns(plan), values: valueColumns };
  const appenders = {} as Record<JoinTable, DuckDBAppender>;
  for (const table of ['examples', 'values'] as const) {
    await connection.run(`CREATE TABLE ${table}_in (${columnList(columns[table])})`);
    appenders[table] = await connection.createAppender(`${table}_in`);
  }
  for (;;) {
    const { value: line, done } = await lines.next();
    if (done === true) return false;
    if (line === 'end') break;
    const { table, rows } = JSON.parse(line as string) as { table: JoinTable; rows: (string | number | null)[][] };
    for (const row of rows) append(appenders[table], columns[table], row);
  }
  for (const table of ['examples', 'values'] as const) {
    appenders[table].closeSync();
    await connection.run(`COPY ${table}_in TO ${literal(files[table])} (FORMAT parquet)`);
    await connection.run(`DROP TABLE ${table}_in`);
  }
  return true;
}

function append(appender: DuckDBAppender, columns: readonly Column[], row: readonly (string | number | null)[]): void {
  columns.forEach(({ type }, index) => {
    if (row[index] === null) appender.appendNull();
    else if (type === 'VARCHAR') appender.appendVarchar(row[index] as string);
    else if (type === 'BIGINT') appender.appendBigInt(BigInt(row[index] as number));
    else appender.appendDouble(row[index] as number);
  });
  appender.endRow();
}

/** Reads the written file back: what is hashed is what will be read. */
async function summarise(connection: DuckDBConnection, plan: JoinPlan, file: string): Promise<Omit<JoinSummary, 'bytes'>> {
  const columns = columnsOf(plan);
  const hash = createHash('sha256');
  let [rows, from, to]: [number, number | null, number | null] = [0, null, null];
  const result = await connection.stream(`SELECT * FROM read_parquet(${literal(file)}) ORDER BY as_of, example`);
  for await (const chunk of result.yieldRows()) {
    for (const row of chunk) {
      const asOf = Number(row[1]);
      const features = Object.fromEntries(plan.features.map(({ name }, index) => [name, row[4 + index]]));
      hash.update(`${canonicalJson({ example: row[0], asOf, label: row[3], features })}\n`);
      from ??= asOf;
      to = asOf;
      rows += 1;
    }
  }
  return { rows, from, to, columns, rowsDigest: hash.digest('hex') };
}

void main(process.argv[2]).catch((error: unknown) => {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
