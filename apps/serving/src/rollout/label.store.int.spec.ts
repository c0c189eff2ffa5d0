import { openDatabase, type TestDatabase } from '@rhei/testing';
import { aChampion, aDeployment, aPlan, aVersion } from '../../spec/builders';
import { DeploymentStore } from '../deployment/deployment.store';
import { ServingModule } from '../serving.module';
import { Unservable } from '../traffic/load-failure';
import { planPromotion } from '../traffic/plan-traffic';
import type { Plan } from '../traffic/plan';
import { PlanStore } from '../traffic/plan.store';
import { refusePlan, reportSwitch } from '../traffic/report-switch';
import { SwitchStore } from '../traffic/switch.store';
import { keepLabels } from './label.store';

let database: TestDatabase;
let deps: Parameters<typeof refusePlan>[0];
beforeAll(async () => {
  database = await openDatabase(ServingModule, { at: 50 });
  deps = { database, deployments: new DeploymentStore(database as never), plans: new PlanStore(database as never), switches: new SwitchStore(database as never, 'r') } as never;
}, 60_000);
afterAll(() => database?.close());

const shadow = { stage: 'shadow' as const, rollout: [{ stage: 'shadow' as const, for: '1d' }], rolloutFrom: 0, stageFrom: 0 };
const watched = { stage: 'live' as const, rollout: [{ stage: 'live' as const, for: '7d', guard: 'true' }], rolloutFrom: 0, stageFrom: 0, live: aVersion(2), before: aVersion(1) };

/** A deployment of a model and a feature set of its own, with plans one after the other, all but the last of which were said. */
async function planned(name: string, ...drafts: Partial<Plan>[]): Promise<Plan> {
  return database.transaction(async (tx) => {
    await deps.deployments.save(tx, aDeployment({ name, model: name, featureSet: name }));
    let last: Plan | undefined;
    for (const over of drafts) {
      if (last !== undefined) await deps.switches.record(tx, last);
      last = await deps.plans.add(tx, aPlan({ deployment: name, model: name, ...over }), last?.revision ?? 0);
    }
    return last!;
  });
}
const label = (featureSet: string) => database.transaction((tx) => keepLabels(tx, [{ featureSet, example: 'e', exampleTime: 0, revision: 1, value: 1, maturesAt: 1, withdrawn: false } as never]));
const kept = async (featureSet: string): Promise<number> => (await database.query('SELECT 1 FROM label WHERE feature_set = $1', [featureSet])).length;

describe('labels', () => {
  it('are kept while a rollout may read them', async () => {
    await planned('quiet', {});
    await label('quiet');
    expect(await kept('quiet')).toBe(0);
    await planned('tried', {}, { ...shadow, candidate: aVersion(2) });
    await label('tried');
    expect(await kept('tried')).toBe(1);
  });

  it('are let go of, and no more are kept, where a move of the alias ends the rollout', async () => {
    await planned('ended', {}, { ...shadow, candidate: aVersion(2) });
    await label('ended');
    await planPromotion(deps, aChampion(1, { model: 'ended', revision: 3 }));
    const { current } = await database.transaction((tx) => deps.plans.current(tx, 'ended', 'ended'));
    await reportSwitch(deps as Parameters<typeof reportSwitch>[0], current!.plan);
    expect(await kept('ended')).toBe(0);
    await label('ended');
    expect(await kept('ended')).toBe(0);
  });

  it('are let go of, and no more are kept, where the version that was to be watched is refused', async () => {
    const plan = await planned('refused', {}, watched);
    await label('refused');
    expect(await kept('refused')).toBe(1);
    expect(await refusePlan(deps, plan, new Unservable(aVersion(2), new Error('no model')))).toBe(true);
    expect(await kept('refused')).toBe(0);
    await label('refused');
    expect(await kept('refused')).toBe(0);
  });
});
