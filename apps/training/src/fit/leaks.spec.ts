import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DAY, HOUR, parseInstant } from '@rhei/expressions';
import { tableOf } from '@rhei/tabular';
import { planSpec, type PlanSpec } from '../plan-spec';
import { huntLeaks, refuseLeaks } from './leaks';
import { readExamples, type Examples } from './read-examples';
import { splitExamples } from './split';
import { FitRefused, type FitTask, type Leak } from './task';
import { makeTrainingSet, type MakeSet } from './training-set.fixture';

const from = parseInstant('2001-01-01T00:00:00Z');
const spec = (over: Partial<PlanSpec> = {}): PlanSpec => planSpec.parse({ model: 'late', featureSet: 'lateness', split: { holdout: '14d' }, when: 'true', ...over });
const hunted = (examples: Examples, task: Pick<FitTask, 'asOf' | 'reads' | 'spec'>): Leak[] => huntLeaks({ examples, split: splitExamples(examples, task), task });

describe('the search for leaks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rhei-leaks-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const made = async (odd?: MakeSet['odd'], over: Partial<PlanSpec> = {}): Promise<Leak[]> => {
    const parquet = join(folder, `${odd ?? 'sound'}.parquet`);
    writeFileSync(parquet, (await makeTrainingSet({ from, days: 58, perDay: 20, ...(odd && { odd }) })).file);
    const task = { parquet, reads: { features: ['hour', 'fog', 'told'], request: ['distance'], maturity: 2 * DAY }, spec: spec(over), asOf: from + 60 * DAY };
    return hunted(await readExamples(task), task);
  };

  it('finds nothing in a sound table', async () => expect(await made()).toEqual([]));

  it.each<[MakeSet['odd'], string, string, RegExp]>([
    ['told', 'told', 'power', /AUC of 1\.000 on \d+ rows that fit; expected at most 0\.95/],
    ['gap', 'fog', 'missing', /whether it has a value .* AUC of 1\.000 on 883 rows that fit, \d+ of them without/],
    ['later', 'as_of', 'future', /9 of 1160 rows are later than the run's as-of 2001-03-02T00:00:00Z/],
    ['landed', 'request.landed', 'future', /later than as-of and example in \d+ of \d+ rows that fit, .* AUC of 1\.000/],
    ['repeated', '*', 'duplicate', /145 of 1305 rows repeat another/],
  ])('names the column and the evidence where the set is odd: %s', async (odd, column, kind, evidence) => {
    expect((await made(odd))[0]).toEqual({ column, kind, evidence: expect.stringMatching(evidence), overridden: false });
  });

  it('finds entities on both sides only where the plan says that there must be none', async () => {
    expect(await made(undefined, { split: { holdout: '14d', group: 'request.customer' } })).toEqual([]);
    expect(await made(undefined, { split: { holdout: '14d', group: 'request.lane' } })).toEqual([
      { column: 'request.lane', kind: 'group', evidence: '3 of the 3 values that score, with 277 of 277 rows, fit the model too; expected none', overridden: false },
    ]);
    await expect(made(undefined, { split: { holdout: '14d', group: 'snow' } })).rejects.toThrow(/group "snow", which the training set does not have; it has the features hour, fog, told/);
  });

  it('keeps what the plan allows on record with its reason, and refuses the rest by name', async () => {
    const allow = [{ column: 'told', kind: 'power' as const, reason: 'it is known at the gate' }];
    const found = await made('told', { leaks: { allow } });
    expect(found).toMatchObject([{ column: 'told', overridden: true, reason: 'it is known at the gate' }]);
    expect(() => refuseLeaks(found)).not.toThrow();
    expect(() => refuseLeaks([...found, { column: 'fog', kind: 'missing', evidence: 'e', overridden: false }])).toThrow(new FitRefused(
      "The training set leaks. fog (missing): e. Mend the feature set, or allow {column: 'fog', kind: missing, reason: …} in the plan's leaks."));
  });

  it('asks for power above the bound that the plan states', async () => {
    expect((await made(undefined, { leaks: { auc: 0.55, allow: [] } })).map(({ column, kind }) => `${column} ${kind}`)).toEqual(['hour power', 'fog power']);
  });

  it('says nothing of columns with too few rows, nor of rows that are alike by nature', () => {
    const rows = 600;
    const labels = Uint8Array.from({ length: rows }, (_, row) => row % 2);
    const asOf = Float64Array.from({ length: rows }, (_, row) => from + Math.floor(row / 10) * DAY);
    // Known of 150 rows only; and five values in all, so that rows of one day are often the same.
    const columns = [Float64Array.from(labels, (label, row) => (row < 150 ? label : NaN)), Float64Array.from(labels, (_, row) => row % 5)];
    const examples: Examples = { ids: Array.from(labels, (_, row) => `f${row}`), asOf, time: asOf, labels, features: tableOf(['known', 'kind'], columns), request: new Map() };
    expect(hunted(examples, { asOf: from + 62 * DAY, reads: { features: [], request: [], maturity: 2 * DAY }, spec: spec() })).toEqual([]);
  });

  it.each([1, 2, 3])('raises no false alarm on half a year of real flights: sample %d', async (seed) => {
    const examples = await flights(seed);
    const task = { asOf: parseInstant('2001-07-03T00:00:00Z'), reads: { features: [], request: [], maturity: 2 * DAY }, spec: spec() };
    expect(examples.asOf.length).toBeGreaterThan(8_000);
    expect(hunted(examples, task)).toEqual([]);
  });
});

/** About ten thousand flights as a training set has them: asked at the last of four times a day, with what was late before. */
async function flights(seed: number): Promise<Examples> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  try {
    const connection = await instance.connect();
    const file = join(__dirname, '../../../../node_modules/vega-datasets/data/flights-3m.parquet');
    const { columns } = await connection.runAndReadAll(`
      SELECT CAST(epoch_us(date) AS DOUBLE) AS time, CAST(delay > 15 AS DOUBLE) AS label, CAST(distance AS DOUBLE) AS distance, origin,
        avg(CASE WHEN delay > 15 THEN 1.0 ELSE 0.0 END) OVER (PARTITION BY origin ORDER BY date, destination, delay ROWS BETWEEN 40 PRECEDING AND 5 PRECEDING) AS late
      FROM read_parquet('${file}') WHERE hash(date, origin, destination, delay, ${seed}) % 300 = 0 ORDER BY date, origin, destination, delay`)
      .then((result) => ({ columns: result.getColumns() }));
    const numbers = (at: number): Float64Array => Float64Array.from(columns[at], (value) => (value === null ? NaN : Number(value)));
    const [time, labels, distance, late] = [numbers(0), Uint8Array.from(numbers(1)), numbers(2), numbers(4)];
    const asOf = time.map((instant) => Math.floor(instant / (6 * HOUR)) * 6 * HOUR);
    return {
      ids: Array.from(time, (_, row) => `f${row}`), asOf, time, labels,
      features: tableOf(['hour', 'weekday', 'distance', 'origin_late'], [time.map((t) => Math.floor((t % DAY) / HOUR)), time.map((t) => Math.floor(t / DAY) % 7), distance, late]),
      request: new Map([['distance', { kind: 'number', values: distance }], ['departure', { kind: 'instant', values: time }], ['origin', { kind: 'text', values: columns[3] as string[] }]]),
    };
  } finally {
    instance.closeSync();
  }
}
