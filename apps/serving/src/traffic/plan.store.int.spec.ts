import { openDatabase, type TestDatabase } from '@rhei/testing';
import { aPlan, aVersion } from '../../spec/builders';
import { ServingModule } from '../serving.module';
import type { Draft, Plan } from './plan';
import { PlanStore } from './plan.store';

let database: TestDatabase;
let plans: PlanStore;
beforeAll(async () => {
  database = await openDatabase(ServingModule, { at: 50 });
  plans = new PlanStore(database as never);
}, 60_000);
afterAll(() => database?.close());

describe('a stage that something holds up', () => {
  const add = (draft: Draft, last: number): Promise<Plan> => database.transaction((tx) => plans.add(tx, draft, last));
  const newest = () => database.transaction(async (tx) => (await plans.current(tx, 'orders', 'm')).current!);

  it('is on record as held once, also when another plan of the same stage follows; the next stage begins afresh', async () => {
    const stage = { candidate: aVersion(2), stage: 'canary' as const, stageFrom: 0, rolloutFrom: 0, rollout: [{ stage: 'canary' as const, for: '1d', share: 0.1 }], promotion: 2 };
    const first = await add(aPlan({ ...stage, kept: [{ ...aVersion(7), until: 60 }] }), 1_000);
    await database.transaction((tx) => plans.noteLook(tx, first, { figures: { rows: 3 }, underWay: true, held: true }));
    await add({ ...first, kept: [] }, first.revision);
    expect(await newest()).toMatchObject({ plan: { revision: 2_001, stageFrom: 2_000, kept: [] }, underWay: true, held: true });
    await add({ ...first, stage: 'live', stageFrom: 0 }, 2_001);
    expect(await newest()).toMatchObject({ plan: { revision: 2_002, stageFrom: 2_002 }, held: false });
  });
});
