import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { canonicalJson } from '@rhei/expressions';
import { columnsOf, csvSql, exampleColumns, joinSql, literal, valueColumns, type Column, type JoinPhase, type JoinPlan, type JoinSummary, type JoinTable, type PageHead } from './join-plan';

/*
 * The process that joins: DuckDB keeps memory that it once had, and cannot be stopped inside of another process.
 * In: a line of JSON, the plan; then pages of rows as CSV, each behind a line that says whose they are; then "end". Out: a line of JSON about the result, then the
 * bytes of the Parquet file. Its folder of files goes with it.
 */
async function main(directory: string): Promise<void> {
  const phases = new Phases();
  const input = new Input();
  const folder = mkdtempSync(join(directory, 'rhei-join-'));
  // The parent is gone when nothing can be written any more.
  process.stdout.on('error', () => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(1);
  });
  try {
    const plan = JSON.parse((await input.line())!) as JoinPlan;
    const instance = await DuckDBInstance.create(':memory:', {
      // One thread: what is read back, written and hashed keeps one order without thinking about it.
      threads: '1', memory_limit: '1GB', temp_directory: folder, autoinstall_known_extensions: 'false', autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    const files = { examples: join(folder, 'examples.parquet'), values: join(folder, 'values.parquet'), result: join(folder, 'result.parquet') };
    if (!await receive(connection, plan, input, files)) return;
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

/** Takes the rows in and writes them as Parquet; false when the parent went away in the middle. No row is looked at on the way. */
async function receive(connection: DuckDBConnection, plan: JoinPlan, input: Input, files: Record<JoinTable, string>): Promise<boolean> {
  const columns: Record<JoinTable, Column[]> = { examples: exampleColumns(plan), values: valueColumns };
  const tables = ['examples', 'values'] as const;
  const open = { examples: openSync(`${files.examples}.csv`, 'w'), values: openSync(`${files.values}.csv`, 'w') };
  for (;;) {
    const line = await input.line();
    if (line === undefined) return false;
    if (line === 'end') break;
    const { table, bytes } = JSON.parse(line) as PageHead;
    if (!await input.copy(bytes, open[table])) return false;
  }
  for (const table of tables) {
    closeSync(open[table]);
    await connection.run(`COPY (${csvSql(columns[table], `${files[table]}.csv`)}) TO ${literal(files[table])} (FORMAT parquet)`);
    rmSync(`${files[table]}.csv`);
  }
  return true;
}

/** The bytes that come in: lines, and behind some of them a number of bytes. */
class Input {
  private readonly chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  /** Undefined at the end. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.rest.indexOf('\n');
      if (end >= 0) {
        const line = this.rest.toString('utf8', 0, end);
        this.rest = this.rest.subarray(end + 1);
        return line;
      }
      const chunk = await this.next();
      if (chunk === undefined) return undefined;
      this.rest = Buffer.concat([this.rest, chunk]);
    }
  }

  /** False when the end comes first. */
  async copy(bytes: number, file: number): Promise<boolean> {
    for (let left = bytes; left > 0;) {
      const chunk = this.rest.length > 0 ? this.rest : await this.next();
      if (chunk === undefined) return false;
      const taken = chunk.subarray(0, left);
      writeSync(file, taken);
      left -= taken.length;
      this.rest = chunk.subarray(taken.length);
    }
    return true;
  }

  private async next(): Promise<Buffer | undefined> {
    const { value, done } = await this.chunks.next();
    return done === true ? undefined : value;
  }
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
