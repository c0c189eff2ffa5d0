/**
 * The point-in-time join of a training set against the ASOF joins that one would write by hand for DuckDB, over the same
 * Parquet files, interleaved, medians; then the whole of our way, from rows of a cursor to a digest, and where its time goes.
 * Run: npm run bench -- join
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { DAY, HOUR } from '@rhei/expressions';
import { joinSql, literal, type JoinExample, type JoinPlan, type JoinValue } from './join-plan';
import { joinPointInTime } from './point-in-time-join';

const size = { examples: 150_000, valuesPerView: 150_000, entities: [60, 60, 1_200] };
const rounds = 9;
const views = ['origin', 'destination', 'route'];
const ttl = 30 * DAY;
const span = 180 * DAY;
const plan: JoinPlan = {
  features: [{ name: 'hour', kind: 'request' }, { name: 'distance', kind: 'request' }, ...views.map((view) => ({ name: view, kind: 'view' as const, view, ttls: [{ from: 0, ttl }] }))],
  request: [{ name: 'distance', type: 'DOUBLE' }],
};

/** What a person writes who knows DuckDB: one ASOF join for each view, the TTL in the select. */
const byHand = (examples: string, values: string): string => `
  SELECT x.example, x.as_of, x.example_time, x.label, x.f_hour, x.f_distance, ${views.map((view) => `CASE WHEN x.as_of - ${view}.event_time <= ${ttl} THEN ${view}.value END AS f_${view}`).join(', ')}, x.r_distance
  FROM '${examples}' x ${views.map((view) => `ASOF LEFT JOIN (FROM '${values}' WHERE view = '${view}') ${view} ON x.e_${view} = ${view}.entity AND x.as_of >= ${view}.known_at`).join(' ')}
  ORDER BY x.as_of, x.example`;

async function makeFiles(connection: DuckDBConnection, files: { examples: string; values: string }): Promise<void> {
  const draw = (purpose: string, below: number, of = 'i'): string => `(hash(${of}, '${purpose}') % ${below})::BIGINT`;
  await connection.run(`COPY (
    SELECT 'x' || i AS example, ${draw('as-of', span)} AS as_of, as_of + ${HOUR} AS example_time, ${draw('label', 2)}::DOUBLE AS label, ${draw('hour', 24)}::DOUBLE AS f_hour, ${draw('distance', 3_000)}::DOUBLE AS f_distance,
      ${views.map((view, at) => `'${view}' || ${draw(view, size.entities[at])} AS e_${view}`).join(', ')}, f_distance AS r_distance
    FROM range(${size.examples}) AS r (i)) TO ${literal(files.examples)} (FORMAT parquet)`);
  await connection.run(`COPY (${views.map((view, at) => `
    SELECT '${view}' AS view, '${view}' || ${draw(`entity ${view}`, size.entities[at])} AS entity, ${draw(`known ${view}`, span)} AS known_at, known_at - ${draw(`delay ${view}`, DAY)} AS event_time, ${draw(`value ${view}`, 1_000)} / 1000.0 AS value
    FROM range(${size.valuesPerView}) AS r (i)`).join(' UNION ALL ')}) TO ${literal(files.values)} (FORMAT parquet)`);
}

async function* pagesOf<T>(connection: DuckDBConnection, file: string, toRow: (row: unknown[]) => T): AsyncGenerator<T[]> {
  const reader = await connection.stream(`FROM ${literal(file)}`);
  for await (const chunk of reader.yieldRowsJs()) yield chunk.map(toRow);
}
const toExample = ([example, asOf, exampleTime, label, hour, distance, ...rest]: unknown[]): JoinExample =>
  ({ example: example as string, asOf: Number(asOf), exampleTime: Number(exampleTime), label: label as number, features: [hour as number, distance as number, ...rest.slice(0, 3) as string[]], request: [rest[3] as number] });
const toValue = ([view, entity, knownAt, eventTime, value]: unknown[]): JoinValue => ({ view: view as string, entity: entity as string, knownAt: Number(knownAt), eventTime: Number(eventTime), value: value as number });

const median = (times: number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
interface Cost {
  wall: number;
  /** Of this process, in which DuckDB runs: what other work on the machine disturbs less. */
  processor: number;
}
async function costOf(act: () => Promise<unknown>): Promise<Cost> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  await act();
  const { user, system } = process.cpuUsage(before);
  return { wall: performance.now() - started, processor: (user + system) / 1_000 };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rhei-join-bench-'));
  try {
    const file = (name: string): string => join(folder, `${name}.parquet`);
    const files = { examples: file('examples'), values: file('values') };
    const instance = await DuckDBInstance.create(':memory:', { memory_limit: '1GB' });
    const connection = await instance.connect();
    await makeFiles(connection, files);
    const write = (sql: string, name: string) => (): Promise<unknown> => connection.run(`COPY (${sql}) TO ${literal(file(name))} (FORMAT parquet)`);
    const ours = write(joinSql(plan, files.examples, files.values), 'ours');
    const theirs = write(byHand(files.examples, files.values), 'theirs');
    console.log(`${size.examples} examples, ${views.length} views of ${size.valuesPerView} values`);
    for (const threads of [1, 2]) {
      await connection.run(`SET threads = ${threads}`);
      const costs: { ours: Cost[]; theirs: Cost[] } = { ours: [], theirs: [] };
      for (let round = 0; round <= rounds; round += 1) {
        const order = round % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const);
        for (const side of order) {
          const cost = await costOf(side === 'ours' ? ours : theirs);
          if (round > 0) costs[side].push(cost);
        }
      }
      for (const kind of ['wall', 'processor'] as const) {
        const [own, other] = [median(costs.ours.map((cost) => cost[kind])), median(costs.theirs.map((cost) => cost[kind]))];
        console.log(`the join, ${threads} thread${threads === 1 ? '' : 's'}, ${kind} time: ours ${own.toFixed(0)} ms, by hand ${other.toFixed(0)} ms, ${(other / own).toFixed(2)} of its speed`);
      }
    }
    const differing = await connection.runAndReadAll(`SELECT count(*) FROM ((FROM '${file('ours')}' EXCEPT FROM '${file('theirs')}') UNION ALL (FROM '${file('theirs')}' EXCEPT FROM '${file('ours')}'))`);
    console.log(`rows that differ: ${String(differing.getRows()[0][0])}`);

    const whole: number[] = [];
    let phases: Record<string, number> = {};
    for (let round = 0; round < 3; round += 1) {
      whole.push((await costOf(async () => {
        const { summary, phases: took } = await joinPointInTime(plan, pagesOf(connection, files.examples, toExample), pagesOf(connection, files.values, toValue), { timeout: 120_000, directory: folder, signal: new AbortController().signal });
        if (summary.rows !== size.examples) throw new Error(`Expected ${size.examples} rows, got ${summary.rows}.`);
        phases = Object.fromEntries(took.map(({ name, from, to }) => [name, to - from]));
      })).wall);
    }
    console.log(`a whole build's child, rows in and Parquet and digest out: ${median(whole).toFixed(0)} ms (${Object.entries(phases).map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`).join(', ')})`);
    connection.closeSync();
    instance.closeSync();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
void main();
