import { feature } from '@rhei/contracts';
import { openDatabase, type TestDatabase } from '@rhei/testing';
import { countLabels, keepLabels } from './known.store';
import { TrainingModule } from './training.module';

const label = (example: string, revision: number, over: Partial<feature.Label> = {}): feature.Label =>
  feature.Label.fromPartial({ featureSet: 'set', example, revision, value: 1, exampleTime: 100, maturesAt: 200, arrival: 150, ...over });

describe('the labels that a plan counts', () => {
  let database: TestDatabase;
  beforeAll(async () => (database = await openDatabase(TrainingModule)), 60_000);
  afterAll(() => database.close());
  const keep = (...labels: feature.Label[]): Promise<void> => database.transaction((tx) => keepLabels(tx, labels));
  const count = (now = 1_000): ReturnType<typeof countLabels> => countLabels(database, 'set', now);

  it('are those that are known and mature, each example once whatever its revisions', async () => {
    await keep(label('a', 1), label('b', 1, { exampleTime: 90, maturesAt: 500 }), label('a', 2, { arrival: 400 }));
    expect(await count()).toEqual({ mature: 2, first: 90 });
    expect(await count(300)).toEqual({ mature: 1, first: 90 });
    expect(await count(149)).toEqual({ mature: 0 });
  });

  it('are no more those that were taken back, until there is a truth again; an older revision changes nothing', async () => {
    await keep(label('b', 2, { withdrawn: true }));
    expect(await count()).toEqual({ mature: 1, first: 100 });
    await keep(label('b', 1), label('b', 2, { withdrawn: true }));
    expect(await count()).toEqual({ mature: 1, first: 100 });
    await keep(label('b', 3, { exampleTime: 90 }));
    expect(await count()).toEqual({ mature: 2, first: 90 });
  });

  it('of one batch are as its newest revisions say, whatever their order', async () => {
    await keep(label('c', 3, { withdrawn: true }), label('c', 2), label('c', 1, { exampleTime: 1 }));
    expect(await count()).toEqual({ mature: 2, first: 90 });
  });
});
