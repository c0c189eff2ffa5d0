import { openDatabase, type TestDatabase } from '@rhei/testing';
import { day } from '@rhei/runtime';
import { FeatureModule } from '../feature.module';
import fc from 'fast-check';
import { compareRevisions, type Fact } from '../record/fact';
import { addRevisions } from '../record/fact.store';
import type { ExampleRecord, LabelRecord } from '../record/read-records';
import { countWithdrawn, labelledExamples, type LabelledExample } from '../training-set/training-set.store';
import { specOf } from '../../spec/flights';
import { addExamplesAndLabels, addPredictions } from './example.store';
import { compileSet, featureSetSpec } from './feature-set';

const sets = new Map([['set', compileSet('set', 1, featureSetSpec.parse(specOf('FeatureSet', 'flight-lateness')))]]);
const origin = (record: string, at: number) => ({ featureSet: 'set', source: 's', record, eventTime: at, arrival: at + 5, knownAt: at + 5, recordedAt: at + 5, basis: 1, identity: '' });
const anExample = (example: string, at: number): ExampleRecord => ({ ...origin(`e-${example}-${at}`, at), example, dataJson: '{}' });
const aLabel = (example: string, at: number, value: number): LabelRecord => ({ ...origin(`l-${example}-${at}`, at), example, value });

describe('an example and its label', () => {
  let database: TestDatabase;
  beforeAll(async () => (database = await openDatabase(FeatureModule)), 60_000);
  afterAll(() => database.close());
  const add = (examples: ExampleRecord[], labels: LabelRecord[], facts: Fact[] = []) => database.transaction(async (tx) => addExamplesAndLabels(tx, sets, examples, labels, await addRevisions(tx, facts)));

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
    expect(await add([anExample('x', 10)], [])).toEqual([{ featureSet: 'set', example: 'x', revision: 1, value: 1, exampleTime: 10, maturesAt: 10 + 2 * day, arrival: 25, asOf: 7, withdrawn: false }]);
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

  describe('that is corrected', () => {
    let facts = 0;
    /** A fact of the label's or the example's event; each call is its next revision, known at `at`. */
    const aFact = (type: 'flight.landed' | 'flight.scheduled', example: string) => {
      const identity = `fact${(facts += 1)}`;
      let revision = 0;
      const next = (at: number, withdrawn = false) => {
        revision += 1;
        const given = { ...origin(`${identity}-${revision}`, at - 5), source: 'airline', identity };
        const fact: Fact = { source: 'airline', type, identity, revisions: [{ id: given.record, revision, eventTime: given.eventTime, arrival: given.arrival, knownAt: given.knownAt, withdrawn }] };
        return { given, fact };
      };
      return {
        label: (at: number, value: number, about = example): Promise<unknown> => {
          const { given, fact } = next(at);
          return add([], [{ ...given, example: about, value }], [fact]);
        },
        example: (at: number): Promise<unknown> => {
          const { given, fact } = next(at);
          return add([{ ...given, example, dataJson: '{}' }], [], [fact]);
        },
        withdraw: (at: number): Promise<unknown> => add([], [], [next(at, true).fact]),
      };
    };

    it('is told by its next revision, and taken back by a withdrawal', async () => {
      await add([anExample('k1', 10)], []);
      const landing = aFact('flight.landed', 'k1');
      expect(await landing.label(30, 1)).toMatchObject([{ revision: 1, value: 1, withdrawn: false, arrival: 30 }]);
      expect(await landing.label(40, 0)).toMatchObject([{ revision: 2, value: 0, withdrawn: false, arrival: 40 }]);
      expect(await landing.withdraw(50)).toMatchObject([{ revision: 3, value: 0, withdrawn: true, arrival: 50, exampleTime: 10 }]);
      expect(await landing.label(60, 1)).toMatchObject([{ revision: 4, value: 1, withdrawn: false, arrival: 60 }]);
    });

    it('goes over to another example, and leaves the one that it was about', async () => {
      await add([anExample('m1', 10), anExample('m2', 10)], []);
      const landing = aFact('flight.landed', 'm1');
      await landing.label(30, 1);
      expect(await landing.label(40, 1, 'm2')).toMatchObject([{ example: 'm1', revision: 2, withdrawn: true, arrival: 40 }, { example: 'm2', revision: 1, withdrawn: false }]);
    });

    it('is told again with the corrected time of its example', async () => {
      const scheduled = aFact('flight.scheduled', 't1');
      await scheduled.example(12);
      await aFact('flight.landed', 't1').label(30, 1);
      expect(await scheduled.example(40)).toMatchObject([{ example: 't1', revision: 2, value: 1, withdrawn: false, arrival: 40, exampleTime: 35, maturesAt: 35 + 2 * day }]);
    });

    it('is taken back with the example itself', async () => {
      const scheduled = aFact('flight.scheduled', 'w1');
      await scheduled.example(12);
      await aFact('flight.landed', 'w1').label(30, 1);
      expect(await scheduled.withdraw(40)).toMatchObject([{ example: 'w1', revision: 2, withdrawn: true, arrival: 40, exampleTime: 7 }]);
      expect(await scheduled.example(50)).toMatchObject([{ example: 'w1', revision: 3, withdrawn: false, arrival: 50, exampleTime: 45 }]);
    });
  });

  describe('of which some are corrected, moved or taken back, in any order', () => {
    interface Sent { kind: 'label' | 'example'; fact: number; revision: number; withdrawn: boolean; example: string; eventTime: number; arrival: number; value: number; id: string }
    const someSent = fc.array(fc.record({
      kind: fc.constantFrom<'label' | 'example'>('label', 'example'), fact: fc.integer({ min: 0, max: 4 }), revision: fc.integer({ min: 1, max: 3 }), withdrawn: fc.integer({ min: 0, max: 3 }),
      example: fc.constantFrom('p', 'q'), eventTime: fc.integer({ min: 0, max: 90 }), delay: fc.integer({ min: 0, max: 60 }), value: fc.integer({ min: 0, max: 1 }),
    }), { minLength: 1, maxLength: 18 }).map((drafts) => drafts.map(({ delay, withdrawn, ...one }, index): Sent => ({
      ...one, withdrawn: withdrawn === 0, arrival: one.eventTime + delay, id: `r${index}`,
    })));
    const rank = (one: Sent) => ({ ...one, knownAt: one.arrival });

    /** Every record of a kind that counts at an instant, looked at one by one. */
    const standing = (sent: readonly Sent[], kind: Sent['kind'], example: string, at: number): Sent[] => sent.filter((one) => one.kind === kind && one.arrival <= at
      && !sent.some((other) => other.kind === kind && other.fact === one.fact && other.arrival <= at && compareRevisions(rank(other), rank(one)) > 0)).filter((one) => !one.withdrawn && one.example === example);
    const byKnown = (a: Sent, b: Sent): number => a.arrival - b.arrival || a.eventTime - b.eventTime || (a.id < b.id ? -1 : 1);
    const byTime = (a: Sent, b: Sent): number => b.eventTime - a.eventTime || b.arrival - a.arrival || (a.id < b.id ? 1 : -1);

    it('they are read as they were known at every instant, and told as they are in the end', async () => {
      let stories = 0;
      await fc.assert(fc.asyncProperty(someSent, fc.integer({ min: 1, max: 4 }), async (sent, size) => {
        stories += 1;
        const name = `story${stories}`;
        const source = `airline${stories}`;
        const spec = specOf('FeatureSet', 'flight-lateness') as { example: object; label: object };
        const own = new Map([[name, compileSet(name, 1, featureSetSpec.parse({ ...spec, example: { ...spec.example, source }, label: { ...spec.label, source, maturity: '1us' } }))]]);
        const told: Record<string, unknown> = {};
        for (let at = 0; at < sent.length; at += size) {
          const batch = sent.slice(at, at + size);
          const facts = [...new Set(batch.map(({ kind, fact }) => `${kind} ${fact}`))].map((key): Fact => ({
            source, type: key.startsWith('label') ? 'flight.landed' : 'flight.scheduled', identity: key, revisions: batch.filter(({ kind, fact }) => `${kind} ${fact}` === key).map(rank),
          }));
          const given = (one: Sent) => ({ featureSet: name, example: one.example, source, record: one.id, eventTime: one.eventTime, arrival: one.arrival, knownAt: one.arrival, recordedAt: one.arrival, basis: 1, identity: `${one.kind} ${one.fact}` });
          const news = await database.transaction(async (tx) => addExamplesAndLabels(tx, own,
            batch.filter(({ kind, withdrawn }) => kind === 'example' && !withdrawn).map((one) => ({ ...given(one), dataJson: JSON.stringify({ id: one.id }) })),
            batch.filter(({ kind, withdrawn }) => kind === 'label' && !withdrawn).map((one) => ({ ...given(one), value: one.value })), await addRevisions(tx, facts)));
          for (const { example, value, withdrawn } of news) told[example] = withdrawn ? undefined : value;
        }
        for (const at of new Set(sent.flatMap(({ arrival }) => [arrival, arrival + 1]))) {
          const read: LabelledExample[] = [];
          for await (const page of labelledExamples(database, name, 1, at)) read.push(...page);
          const expected = ['p', 'q'].flatMap((example) => {
            const [head] = standing(sent, 'example', example, at).sort(byKnown);
            const [label] = standing(sent, 'label', example, at).sort(byTime);
            if (head === undefined || label === undefined || head.eventTime + 1 > at) return [];
            // Of the record that counted at its own time, else of the first one after it.
            const instants = [head.eventTime, ...sent.map(({ arrival }) => arrival).filter((one) => one > head.eventTime && one <= at).sort((a, b) => a - b)];
            const asked = instants.map((instant) => standing(sent, 'example', example, instant).sort(byKnown)[0]).find((one) => one !== undefined)!;
            return [{ id: example, eventTime: head.eventTime, label: label.value, dataJson: JSON.stringify({ id: asked.id }) }];
          });
          expect(read.map(({ id, eventTime, label, dataJson }) => ({ id, eventTime, label, dataJson }))).toEqual(expected);
          const once = (kind: Sent['kind'], example: string): boolean => sent.some(({ arrival }) => arrival <= at && standing(sent, kind, example, arrival).length > 0);
          const withdrawn = ['p', 'q'].filter((example) => once('label', example) && (standing(sent, 'label', example, at).length === 0 || (once('example', example) && standing(sent, 'example', example, at).length === 0)));
          expect(await countWithdrawn(database, name, at)).toBe(withdrawn.length);
        }
        for (const example of ['p', 'q']) {
          const known = standing(sent, 'example', example, 1_000).length > 0;
          expect(told[example]).toBe(known ? standing(sent, 'label', example, 1_000).sort(byTime)[0]?.value : undefined);
        }
      }), { seed: 3, numRuns: 40 });
    }, 60_000);
  });
});
