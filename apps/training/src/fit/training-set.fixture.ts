import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DAY, hashUnit, HOUR, type Instant } from '@rhei/expressions';

export interface MadeSet {
  /** The Parquet file, as the feature service writes it. */
  file: Buffer;
  rows: number;
  from: Instant;
}

export interface MakeSet {
  from: Instant;
  days: number;
  perDay: number;
  /** Another share of class 1 when it is foggy: the world after a change. */
  foggy?: number;
  seed?: number;
}

/** Rows whose lateness depends on fog and hour; one in ten does not know the fog. The same arguments give the same rows. */
export async function makeTrainingSet({ from, days, perDay, foggy = 0.7, seed = 1 }: MakeSet): Promise<MadeSet> {
  const rows: string[] = [];
  for (let number = 0; number < days * perDay; number += 1) {
    const draw = (purpose: string): number => hashUnit(seed, purpose, number);
    const time = from + Math.floor(number / perDay) * DAY + Math.floor(draw('hour') * 24) * HOUR;
    const fog = draw('fog') < 0.4;
    const hour = (time % DAY) / HOUR;
    const late = draw('late') < (fog ? foggy : 0.1) + hour / 100 ? 1 : 0;
    const known = draw('known') < 0.9 ? String(Number(fog)) : 'NULL';
    rows.push(`('f${number}', ${time - HOUR}, ${time}, ${late}, ${hour}, ${known}, ${Math.floor(100 + draw('distance') * 1000)})`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'rhei-training-'));
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  try {
    const connection = await instance.connect();
    const file = join(folder, 'set.parquet');
    await connection.run(`CREATE TABLE made (example VARCHAR, as_of BIGINT, example_time BIGINT, label DOUBLE, f_hour DOUBLE, f_fog DOUBLE, r_distance DOUBLE)`);
    await connection.run(`INSERT INTO made VALUES ${rows.join(', ')}`);
    await connection.run(`COPY (FROM made ORDER BY as_of, example) TO '${file}' (FORMAT parquet)`);
    return { file: readFileSync(file), rows: rows.length, from };
  } finally {
    instance.closeSync();
    rmSync(folder, { recursive: true, force: true });
  }
}
