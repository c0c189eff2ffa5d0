import { openDatabase } from '@rhei/testing';
import { DeploymentStore } from '../deployment/deployment.store';
import { PlanStore } from '../traffic/plan.store';
import { ServingModule } from '../serving.module';

const [before, [plans]] = [ServingModule.migrations.slice(0, 3), ServingModule.migrations.slice(3)];

it('makes plans of the traffic of before: what was live answers, what was refused is tried again, and revisions go on', async () => {
  const database = await openDatabase({ name: 'serving', migrations: before }, { at: 50 });
  try {
    await database.query(`INSERT INTO deployment VALUES ('orders', 3, 'm', 's', 'sync'), ('moved', 1, 'other', 's', 'sync')`);
    await database.query(`INSERT INTO champion VALUES ('m', 2, 'd2', 2, 1, 20)`);
    await database.query(`INSERT INTO traffic VALUES ('orders', 'm', 1, 1, 'd1', 0, 10, NULL), ('orders', 'm', 2, 2, 'd2', 1, 20, 'a bad file'), ('moved', 'm', 1, 1, 'd1', 0, 10, NULL)`);
    await database.query(`INSERT INTO replica (id, host, pid, started, lease_until, acknowledged, ready, progress) VALUES ('r', 'h', 1, 1, 1, 0, true, '{}')`);
    await database.query(`INSERT INTO applied VALUES ('r', 'orders', 'm', 1)`);
    await database.query(`INSERT INTO prediction VALUES ('p', 1, 'live', 'orders', 'm', 'd1', '', 0, 10, '', '{}', '[]', '{"probability": 0.5}', '')`);
    // What the migration asks for, as the migrator runs it.
    await new plans().up({ query: (sql: string) => database.query(sql) } as never);

    const store = new PlanStore(database as never);
    expect((await store.toTakeUp()).map(({ deployment, revision, live, stage, promotion, declared }) => ({ deployment, revision, live, stage, promotion, declared }))).toEqual([
      { deployment: 'orders', revision: 1_000, live: { version: 1, digest: 'd1' }, stage: 'live', promotion: 1, declared: 3 },
      { deployment: 'orders', revision: 2_000, live: { version: 2, digest: 'd2' }, stage: 'live', promotion: 2, declared: 3 },
    ]);
    await database.transaction(async (tx) => {
      expect(await store.current(tx, 'orders', 'm')).toMatchObject({ promotion: 2, declared: 3, revision: 2_000, newestModel: 'm', current: { plan: { revision: 1_000 }, underWay: false, shiftedAt: 10 } });
      expect(await new DeploymentStore(database as never).hold(tx, 'orders')).toEqual({ name: 'orders', version: 3, model: 'm', featureSet: 's', ledger: 'sync', look: '1d', keep: '14d', benchmark: 'none' });
    });
    expect(await database.query('SELECT replica, deployment, revision FROM applied')).toEqual([{ replica: 'r', deployment: 'orders', revision: 1_000 }]);
    expect(await database.query('SELECT traffic, reason, error, feature_set FROM prediction')).toEqual([{ traffic: 0, reason: '', error: '', feature_set: '' }]);
  } finally {
    await database.close();
  }
});
