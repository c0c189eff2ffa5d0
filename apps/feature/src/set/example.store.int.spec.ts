import { openDatabase, type TestDatabase } from '@rhei/testing';
import { day } from '@rhei/runtime';
import { FeatureModule } from '../feature.module';
import type { ExampleRecord, LabelRecord } from '../record/read-records';
import { specOf } from '../../spec/flights';
import { addExamplesAndLabels, addPredictions } from './example.store';
import { compileSet, featureSetSpec } from './feature-set';

const sets = new Map([['set', compileSet('set', 1, featureSetSpec.parse(specOf('FeatureSet', 'flight-lateness')))]]);
const origin = (record: string, at: number) => ({ featureSet: 'set', source: 's', record, eventTime: at, arrival: at + 5, knownAt: at + 5, recordedAt: at + 5, basis: 1 });
const anExample = (example: string, at: number): ExampleRecord => ({ ...origin(`e-${example}-${at}`, at), example, dataJson: '{}' });
const aLabel = (example: string, at: number, value: number): LabelRecord => ({ ...origin(`l-${example}-${at}`, at), example, value });

describe('an example and its label', () => {
  let database: TestDatabase;
  beforeAll(async () => (database = await openDatabase(FeatureModule)), 60_000);
  afterAll(() => database.close());
  const add = (examples: ExampleRecord[], labels: LabelRecord[]) => database.transaction((tx) => addExamplesAndLabels(tx, sets, examples, labels));

  it('that come at once from two shards are told exactly once', async () => {
    for (let round = 0; round < 25; round += 1) {
      const names = ['a', 'b', 'c'].map((name) => `${name}${round}`);
      const [one, other] = await Promise.all([add(names.map((name) => anExample(name, 10)), []), add([], [...names].reverse().map((name) => aLabel(name, 20, 1)))]);
      expect([...one, ...other].map(({ example }) => example)).toEqual(names);
    }
  });

  it('are told again when a newer label comes, and not when an older one does', async () => {
    await database.transaction((tx) => addPredictions(tx, [{ featureSet: 'set', example: 'x', asOf: 9 }, { featureSet: 'set', example: 'x', asOf: 7 }]));
    expect(await add([], [aLabel('x', 20, 1)])).toEqual([]);
    expect(await add([anExample('x', 10)], [])).toEqual([{ featureSet: 'set', example: 'x', revision: 1, value: 1, exampleTime: 10, maturesAt: 10 + 2 * day, arrival: 25, asOf: 7 }]);
    expect(await add([], [aLabel('x', 15, 1)])).toEqual([]);
    expect(await add([], [aLabel('x', 30, 0)])).toMatchObject([{ revision: 2, value: 0, arrival: 35 }]);
    expect(await add([anExample('x', 10)], [aLabel('x', 30, 0)])).toEqual([]);
  });

  it('leave the same rows in any order', async () => {
    const acts = (name: string) => [() => add([anExample(name, 10)], []), () => add([anExample(name, 8)], []), () => add([], [aLabel(name, 20, 1)]), () => add([], [aLabel(name, 18, 0)])];
    const states = new Set<string>();
    for (const [index, order] of [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]].entries()) {
      const name = `o${index}`;
      for (const act of order) await acts(name)[act]();
      const rows = await database.query('SELECT event_time, arrival, known_at, told_event_time, told_value, array(SELECT value FROM label WHERE label.feature_set = example.feature_set AND label.example = example.id ORDER BY event_time) AS labels FROM example WHERE id = $1', [name]);
      states.add(JSON.stringify(rows));
    }
    expect(states.size).toBe(1);
  });
});
