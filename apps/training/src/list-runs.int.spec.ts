import type { Queryable } from '@rhei/messaging';
import { openDatabase, type TestDatabase } from '@rhei/testing';
import { listRuns, type RunQuery } from './list-runs';
import { applyPlan } from './plan.store';
import type { PlanSpec } from './plan-spec';
import type { Run } from './run';
import { insertRun, pageOfRuns, saveEnd } from './run.store';
import { TrainingModule } from './training.module';

const spec = {} as PlanSpec;
const all: RunQuery = { model: '', plan: '', state: '', limit: 0, after: '' };

describe('the list of runs', () => {
  let database: TestDatabase;
  const idsOf = async (query: Partial<RunQuery>): Promise<string[]> => (await listRuns(database, { ...all, ...query })).runs.map(({ id }) => id);
  const plant = (id: string, plan: string, number: number, asOf: number, failed = true): Promise<void> => database.transaction(async (tx) => {
    await insertRun(tx, {
      id, plan, model: `model of ${plan}`, featureSet: 'set', featureSetVersion: 1, reads: { features: [], request: [], maturity: 0 }, spec, state: 'waiting', asOf, cause: { kind: 'person', id: '', reason: '' },
      by: 'dev', traceparent: '', noCache: false,
    } as unknown as Run, number);
    if (failed) await saveEnd(tx, id, { state: 'failed', failure: 'for the test', at: asOf });
  });

  beforeAll(async () => {
    database = await openDatabase(TrainingModule);
    await database.transaction(async (tx) => {
      for (const name of ['a', 'b']) await applyPlan(tx, name, spec, 1);
    });
    // Two of one instant: the later of a plan is the newer, whatever its id.
    await plant('z', 'a', 1, 100);
    await plant('y', 'a', 2, 100);
    await plant('x', 'b', 1, 200, false);
    for (let number = 3; number <= 60; number += 1) await plant(`a${number}`, 'a', number, 1_000 + number);
  }, 60_000);
  afterAll(() => database.close());

  it('begins with the newest and is fifty long, where nobody says how long', async () => {
    const { runs, total } = await listRuns(database, all);
    expect([runs.length, runs[0].id, total]).toEqual([50, 'a60', 61]);
  });

  it('goes on after the last run of a page until there is none', async () => {
    const seen: string[] = [];
    for (let more = true; more; ) {
      const next = await idsOf({ limit: 20, after: seen.at(-1) ?? '' });
      seen.push(...next);
      more = next.length > 0;
    }
    expect(seen).toHaveLength(61);
    expect(seen.slice(-4)).toEqual(['a3', 'x', 'y', 'z']);
  });

  it('is narrowed by model, plan and state, of which "open" is what has not ended', async () => {
    expect(await idsOf({ model: 'model of b' })).toEqual(['x']);
    expect(await listRuns(database, { ...all, plan: 'a', limit: 2 })).toMatchObject({ runs: [{ id: 'a60' }, { id: 'a59' }], total: 60 });
    expect(await idsOf({ state: 'open' })).toEqual(['x']);
    expect(await idsOf({ state: 'waiting' })).toEqual(['x']);
    expect(await listRuns(database, { ...all, plan: 'b', state: 'failed' })).toEqual({ runs: [], total: 0 });
  });

  it('is read from an index', async () => {
    const asked: [sql: string, parameters?: unknown[]][] = [];
    const listening = { query: (...one: (typeof asked)[number]) => (asked.push(one), database.query(...one)) } as Queryable;
    await pageOfRuns(listening, { model: 'model of a', plan: '', states: ['succeeded'], after: '', limit: 1 });
    const plan = await database.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${asked[0][0]}`, asked[0][1]);
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('Index Scan Backward using run_newest');
  });

  it('says what is wrong with a limit, a state, and a run that is not there', async () => {
    await expect(listRuns(database, { ...all, limit: 1_001 })).rejects.toMatchObject({ code: 'invalid', details: { field: 'limit', expected: '1 to 1000', got: '1001', hint: expect.stringContaining('after') } });
    await expect(listRuns(database, { ...all, limit: -1 })).rejects.toMatchObject({ code: 'invalid', details: { field: 'limit' } });
    await expect(listRuns(database, { ...all, state: 'done' })).rejects.toMatchObject({ code: 'invalid', details: { field: 'state', expected: 'one of open, waiting, running, succeeded, failed, cancelled', got: 'done', hint: expect.any(String) } });
    await expect(listRuns(database, { ...all, after: 'nothing' })).rejects.toMatchObject({ code: 'not_found', details: { field: 'after', expected: 'the id of a run', got: 'nothing' } });
  });
});
