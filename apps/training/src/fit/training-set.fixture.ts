import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DAY, hashUnit, HOUR, type Instant } from '@rhei/expressions';
import { rowsDigestOf } from './read-examples';

export interface MadeSet {
  /** The Parquet file, as the feature service writes it. */
  file: Buffer;
  rows: number;
  /** Of the canonical rows with the features hour and fog. */
  rowsDigest: string;
  from: Instant;
}

export interface MakeSet {
  from: Instant;
  days: number;
  perDay: number;
  /** Another share of class 1 when it is foggy: the world after a change. */
  foggy?: number;
  seed?: number;
  /** In the evening fog means the opposite, which no straight line can say. */
  evening?: boolean;
  /** What is odd about the set. */
  odd?: 'told' | 'gap' | 'later' | 'landed' | 'repeated' | 'changed' | 'moved';
}

/**
 * Rows whose lateness depends on fog and hour; one in ten does not know the fog. The same arguments give the same rows.
 * `told`: a column says the label; `gap`: the fog is known of the late ones only; `later`: some rows are of after the set's
 * end; `landed`: the request knows when it landed; `repeated`: every eighth row stands there twice; `changed`: one row is another
 * in its request, `moved`: in a feature.
 */
export async function makeTrainingSet({ from, days, perDay, foggy = 0.7, seed = 1, evening = true, odd }: MakeSet): Promise<MadeSet> {
  const rows: string[] = [];
  for (let number = 0; number < days * perDay; number += 1) {
    const draw = (purpose: string): number => hashUnit(seed, purpose, number);
    const time = from + Math.floor(number / perDay) * DAY + Math.floor(draw('hour') * 24) * HOUR + (odd === 'later' && number < 9 ? days * 2 * DAY : 0);
    const fog = draw('fog') < 0.4;
    const hour = (time % DAY) / HOUR + (odd === 'moved' && number === 7 ? 0.5 : 0);
    const late = draw('late') < (fog !== (evening && hour >= 18) ? foggy : 0.1) + hour / 100 ? 1 : 0;
    const known = (odd === 'gap' ? late === 1 : draw('known') < 0.9) ? String(Number(fog)) : 'NULL';
    const distance = Math.floor(100 + draw('distance') * 1000) + (odd === 'changed' && number === 7 ? 1 : 0);
    const told = odd === 'told' ? late * 10 + draw('told') : draw('told');
    const lane = `'${['east', 'west', 'north'][Math.floor(draw('lane') ** 2 * 3)]}'`;
    const landed = time + 2 * HOUR + (odd === 'landed' ? late * HOUR : 0) + Math.floor(draw('landed') * HOUR);
    const row = (id: string): string => `('${id}', ${time - HOUR}, ${time}, ${late}, ${hour}, ${known}, ${distance}, ${told}, ${lane}, ${landed}, 'c${number}')`;
    rows.push(row(`f${number}`), ...(odd === 'repeated' && number % 8 === 0 ? [row(`again${number}`)] : []));
  }
  const folder = mkdtempSync(join(tmpdir(), 'rhei-training-'));
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  try {
    const connection = await instance.connect();
    const file = join(folder, 'set.parquet');
    await connection.run(`CREATE TABLE made (example VARCHAR, as_of BIGINT, example_time BIGINT, label DOUBLE, f_hour DOUBLE, f_fog DOUBLE, r_distance DOUBLE, f_told DOUBLE, r_lane VARCHAR, r_landed BIGINT, r_customer VARCHAR)`);
    await connection.run(`INSERT INTO made VALUES ${rows.join(', ')}`);
    await connection.run(`COPY (FROM made ORDER BY as_of, example) TO '${file}' (FORMAT parquet)`);
    const rowsDigest = await rowsDigestOf({ parquet: file, reads: { features: ['hour', 'fog'], request: [], maturity: 0 } });
    return { file: readFileSync(file), rows: rows.length, rowsDigest, from };
  } finally {
    instance.closeSync();
    rmSync(folder, { recursive: true, force: true });
  }
}
