import { openDatabase, type TestDatabase } from '@rhei/testing';
import { aDeployment, aPlan, aVersion } from '../../spec/builders';
import { DeploymentStore } from '../deployment/deployment.store';
import { ServingModule } from '../serving.module';
import { Unservable } from './load-failure';
import type { Plan } from './plan';
import { PlanStore } from './plan.store';
import { refusePlan } from './report-switch';
import { SwitchStore } from './switch.store';

let database: TestDatabase;
let deps: Parameters<typeof refusePlan>[0];
beforeAll(async () => {
  database = await openDatabase(ServingModule, { at: 50 });
  deps = { database, deployments: new DeploymentStore(database as never), plans: new PlanStore(database as never), switches: new SwitchStore(database as never, 'r') } as never;
}, 60_000);
afterAll(() => database?.close());

const canary = { stage: 'canary' as const, rollout: [{ stage: 'canary' as const, for: '1d', share: 0.1 }], promotion: 2, rolloutFrom: 0, stageFrom: 0 };
const broken = (version: number): Unservable => new Unservable(aVersion(version), new Error('no model'));
const decided = (name: string) => database.query<{ action: string; outcome: string }>('SELECT action, outcome FROM decision WHERE subject = $1 ORDER BY sequence', [`deployment/${name}`]);

/** Plans of a deployment, one after the other; of `said` all replicas said that they answer so. */
async function planned(name: string, ...drafts: { over: Partial<Plan>; said: boolean }[]): Promise<Plan> {
  return database.transaction(async (tx) => {
    await deps.deployments.save(tx, aDeployment({ name, rollout: canary.rollout }));
    let last!: Plan;
    for (const { over, said } of drafts) {
      last = await deps.plans.add(tx, aPlan({ deployment: name, ...over }), last?.revision ?? 0);
      if (said) await deps.switches.record(tx, last);
    }
    return last;
  });
}
const newest = (name: string) => database.transaction(async (tx) => (await deps.plans.current(tx, name, 'm')).current?.plan);

describe('a version that a replica cannot load', () => {
  it('ends its rollout where it is the candidate', async () => {
    const plan = await planned('tried', { over: {}, said: true }, { over: { ...canary, candidate: aVersion(2) }, said: false });
    expect(await refusePlan(deps, plan, broken(2))).toBe(true);
    expect(await newest('tried')).toMatchObject({ stage: 'rolled_back', live: aVersion(1), candidate: null, reason: 'version 2 cannot be loaded: no model' });
    expect((await decided('tried')).map(({ action, outcome }) => [action, JSON.parse(outcome) as object])).toMatchObject([['refuse-traffic', { refused: 2 }], ['roll-back', { by: 'guard' }]]);
  });

  it('is no fault of the candidate where it is the live one, which others answer with: this replica tries again', async () => {
    const plan = await planned('served', { over: {}, said: true }, { over: { ...canary, candidate: aVersion(2) }, said: false });
    expect(await refusePlan(deps, plan, broken(1))).toBe(false);
    expect(await newest('served')).toMatchObject({ revision: plan.revision, stage: 'canary', candidate: aVersion(2) });
    expect(await decided('served')).toEqual([]);
  });

  it('leaves the guard of the version that answers on in force where it was to replace that one', async () => {
    const watch = { rollout: [{ stage: 'live' as const, for: '7d', guard: 'errors == 0' }], stage: 'live' as const, before: aVersion(1), promotion: 2, rolloutFrom: 0, stageFrom: 0 };
    const plan = await planned('watched', { over: { ...watch, live: aVersion(2) }, said: true }, { over: { ...watch, live: aVersion(3), before: aVersion(2), promotion: 3 }, said: false });
    await database.query("DELETE FROM timer WHERE key = 'watched'");
    expect(await refusePlan(deps, plan, broken(3))).toBe(true);
    expect(await database.transaction((tx) => deps.plans.current(tx, 'watched', 'm'))).toMatchObject({ current: { plan: { live: aVersion(2) }, underWay: true } });
    expect(await database.query("SELECT key FROM timer WHERE kind = 'rollout' AND key = 'watched'")).toHaveLength(1);
    const next = await planned('watched', { over: { ...watch, live: aVersion(4), before: aVersion(2), promotion: 4 }, said: true });
    expect(await database.query<{ revision: number }>("SELECT revision FROM traffic WHERE deployment = 'watched' AND under_way AND failure IS NULL")).toEqual([{ revision: next.revision }]);
  });

  it('is no fault of the candidate where it is a live one that never came to answer: that is tried beside what does, or answers where nothing does', async () => {
    const beside = await planned('beside', { over: {}, said: true }, { over: { live: aVersion(5) }, said: false }, { over: { ...canary, live: aVersion(5), candidate: aVersion(2) }, said: false });
    expect(await refusePlan(deps, beside, broken(5))).toBe(true);
    expect(await newest('beside')).toMatchObject({ stage: 'canary', live: aVersion(1), candidate: aVersion(2), revision: beside.revision + 1 });
    const alone = await planned('alone', { over: { ...canary, live: aVersion(5), candidate: aVersion(2) }, said: false });
    expect(await refusePlan(deps, alone, broken(5))).toBe(true);
    expect(await newest('alone')).toMatchObject({ stage: 'live', live: aVersion(2), candidate: null });
    expect((await decided('beside')).map(({ action, outcome }) => [action, JSON.parse(outcome) as object])).toMatchObject([['refuse-traffic', { refused: 5, reason: 'version 5 cannot be loaded: no model' }], ['start-rollout', { stage: 'canary' }]]);
  });
});
