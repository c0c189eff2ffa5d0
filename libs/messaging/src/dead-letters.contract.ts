import { events, invalid, registry } from '@rhei/contracts';
import { eventually, openDatabase, type TestDatabase } from '@rhei/testing';
import { anEntry, KeptLogger } from '../spec/open-log';
import { deadLetters, openDeadLetter, payloadAsJson } from './dead-letters';
import type { Delivered } from './delivered';
import type { Entry, EventLog } from './event-log';
import type { LogUnderTest } from './event-log.contract';
import { dropDeadLetter, replayDeadLetter, type DeadLetterAct, type ReplayOptions } from './replay-dead-letter';
import { SharedConsumer } from './shared-consumer';
import { parkedKeys, progressOf } from './status';
import type { Queryable } from './transaction';

const models = 'registry.models' as const;
const { ModelApplied } = events;
export const typeOfTomorrow = 'rhei.registry.model-archived.v1';

export interface LogWithTomorrow extends LogUnderTest {
  /** Appends as a service would that is newer than we are, with types that topics.ts does not have. */
  appendOfTomorrow: EventLog['append'];
}

/** What becomes of events that cannot be applied, on each adapter: nobody else waits for them, and people can put it right. */
export const deadLettersContract = (open: () => Promise<LogWithTomorrow>): void => {
  let log: LogWithTomorrow;
  let database: TestDatabase;
  let writer: EventLog;
  let group: string;
  let broken: boolean;
  let acts: DeadLetterAct[];
  let consumer: SharedConsumer;
  let count = 0;
  const logger = new KeptLogger();

  beforeAll(async () => {
    [log, database] = await Promise.all([open(), openDatabase()]);
    await database.query('CREATE TABLE effect (id bigserial PRIMARY KEY, key text, version int)');
    writer = log.connect('registry');
  });
  afterAll(async () => {
    await log.close();
    await database.close();
  });
  beforeEach(async () => {
    [group, broken, acts] = [`aside-${(count += 1)}`, true, []];
    const [head] = await writer.heads(models);
    await database.query('INSERT INTO position VALUES ($1, $2, 0, $3)', [group, models, head]);
    await database.query('TRUNCATE effect, dead_letter, parked');
  });
  afterEach(() => consumer.stop());

  /** Writes first and fails then: nothing of a failed attempt may stay. */
  const handle = async ({ key, payload }: Delivered<'ModelApplied'>, tx: Queryable): Promise<void> => {
    await tx.query('INSERT INTO effect (key, version) VALUES ($1, $2)', [key, Number(payload.version)]);
    if (!broken) return;
    if (payload.specJson === 'no owner') throw invalid(`Model "${payload.name}" has no owner: expected one, got none.`);
    if (payload.specJson === 'null') throw new TypeError("Cannot read properties of null (reading 'owner')");
  };
  const handlers = new Map([[ModelApplied.type, handle]]);
  const consume = async (): Promise<void> => {
    consumer = new SharedConsumer({ service: 'training', group, log: log.connect('training'), database, logger, handlers });
    await consumer.start();
  };
  const said = (key: string, version: number, more: { specJson?: string; value?: Uint8Array; type?: string } = {}): Entry => {
    const value = more.value ?? registry.ModelApplied.encode({ name: key, version, specJson: more.specJson ?? '' }).finish();
    const entry = anEntry('ModelApplied', key, value, `${group}-${key}${version}`);
    return more.type === undefined ? entry : { ...entry, headers: { ...entry.headers, ce_type: more.type } };
  };
  const hear = async (...entries: Entry[]): Promise<void> => {
    await log.appendOfTomorrow(models, 0, entries);
    await eventually('everything was read', async () => (await progressOf(database, writer, group, [models])).every(({ position, head }) => position === head), 30_000);
  };
  const effects = async () => (await database.query<{ key: string; version: number }>('SELECT key, version FROM effect ORDER BY id')).map(({ key, version }) => `${key}${version}`);
  const waiting = async () => (await parkedKeys(database)).map(({ key, waiting }) => `${key}: ${waiting}`);
  const idOf = async (event: string): Promise<string> => (await deadLetters(database)).find(({ eventId }) => eventId === `${group}-${event}`)!.id;
  const options = (): ReplayOptions => ({ database, handlers, note: async (_tx, act) => void acts.push(act) });
  const told = () => acts.map(({ letter, outcome, follows }) => `${letter.eventId.replace(`${group}-`, '')} ${outcome}${follows ? ` after ${follows.replace(`${group}-`, '')}` : ''}`);

  describe('poison delays no other key', () => {
    it.each<[string, Parameters<typeof said>[2], string, string[]]>([
      ['bytes that are no message', { value: Buffer.from([0x0a, 0xff]) }, 'undecodable', ['bad: 1']],
      ['a type that nobody here knows, which holds back not even its own key', { type: typeOfTomorrow }, 'unknown-type', []],
      ['a broken invariant', { specJson: 'no owner' }, 'refused', ['bad: 1']],
      ['a fault of the handler', { specJson: 'null' }, 'failed', ['bad: 1']],
    ])('%s', async (_, poison, kind, parked) => {
      await consume();
      await hear(said('good', 1), said('bad', 1, poison), said('good', 2), said('bad', 2), said('good', 3));
      expect(await effects()).toEqual(parked.length > 0 ? ['good1', 'good2', 'good3'] : ['good1', 'good2', 'bad2', 'good3']);
      expect(await deadLetters(database)).toMatchObject([{ class: kind, key: 'bad', eventId: `${group}-bad1`, waiting: parked.length, parks: parked.length > 0 }]);
      expect(await waiting()).toEqual(parked);
    });

    it('a message with fields of tomorrow is none: it is handled by what is known of it', async () => {
      await consume();
      const known = registry.ModelApplied.encode({ name: 'bad', version: 1, specJson: '' }).finish();
      await hear(said('good', 1), said('bad', 1, { value: Buffer.concat([known, Buffer.from([0xfa, 0x06, 3, 1, 2, 3, 0x80, 0x07, 9])]) }), said('bad', 2));
      expect(await effects()).toEqual(['good1', 'bad1', 'bad2']);
      expect(await deadLetters(database)).toEqual([]);
    });
  });

  describe('a dead letter', () => {
    it('is shown with where it stood, its headers, its bytes and what they say', async () => {
      await consume();
      await hear(said('bad', 1, { specJson: 'no owner' }), said('bad', 2));
      const letter = (await openDeadLetter(database, await idOf('bad1')))!;
      expect(letter).toMatchObject({ class: 'refused', attempts: 1, parks: true, waiting: 1, waitingIds: [`${group}-bad2`], headers: { ce_type: ModelApplied.type }, reason: 'Model "bad" has no owner: expected one, got none.' });
      expect(payloadAsJson(letter)).toEqual({ json: '{"name":"bad","version":1,"specJson":"no owner"}' });
      expect(payloadAsJson({ ...letter, payload: Buffer.from([0x0a, 0xff]) })).toHaveProperty('fault');
    });

    it('is found by type, class and age', async () => {
      await consume();
      await hear(said('bad', 1, { specJson: 'no owner' }), said('odd', 1, { specJson: 'null' }));
      const keys = async (filter: Parameters<typeof deadLetters>[1]) => (await deadLetters(database, filter)).map(({ key }) => key);
      expect(await keys({ class: 'failed' })).toEqual(['odd']);
      expect(await keys({ eventType: ModelApplied.type })).toEqual(['bad', 'odd']);
      expect(await keys({ eventType: typeOfTomorrow })).toEqual([]);
      const [{ deadAt, id }] = await deadLetters(database);
      expect(await keys({ before: deadAt })).toEqual([]);
      expect(await keys({ after: id })).toEqual(['odd']);
    });

    it('that is replayed has its effect under its own id, and the key goes on in its order', async () => {
      await consume();
      await hear(said('bad', 1, { specJson: 'no owner' }), said('bad', 2), said('good', 1), said('bad', 3));
      broken = false;
      const id = await idOf('bad1');
      expect(await replayDeadLetter(options(), id)).toEqual({ applied: 3 });
      expect(await effects()).toEqual(['good1', 'bad1', 'bad2', 'bad3']);
      expect(told()).toEqual(['bad1 applied', 'bad2 applied after bad1', 'bad3 applied after bad2']);
      expect([await deadLetters(database), await waiting()]).toEqual([[], []]);
      await hear(said('bad', 4), said('bad', 1));
      expect(await effects()).toEqual(['good1', 'bad1', 'bad2', 'bad3', 'bad4']);
      await expect(replayDeadLetter(options(), id)).rejects.toMatchObject({ code: 'not_found' });
      expect(acts).toHaveLength(3);
    });

    it('that fails again stays, with its new reason', async () => {
      await consume();
      await hear(said('bad', 1, { specJson: 'null' }), said('bad', 2));
      expect(await replayDeadLetter(options(), await idOf('bad1'))).toEqual({ applied: 0, stoppedAt: { id: await idOf('bad1'), eventId: `${group}-bad1`, state: 'failed', reason: expect.stringContaining('null') } });
      expect(await deadLetters(database)).toMatchObject([{ attempts: 4, class: 'failed', waiting: 1 }]);
      expect([await effects(), told()]).toEqual([[], ['bad1 failed']]);
    });

    it('hands its place to the first that fails of those behind it', async () => {
      await consume();
      await hear(said('bad', 1, { value: Buffer.from([0x0a, 0xff]) }), said('bad', 2), said('bad', 3, { specJson: 'no owner' }), said('bad', 4));
      const { applied, stoppedAt } = await dropDeadLetter(options(), await idOf('bad1'));
      expect([applied, stoppedAt]).toEqual([1, { id: await idOf('bad3'), eventId: `${group}-bad3`, state: 'failed', reason: expect.stringContaining('no owner') }]);
      expect(told()).toEqual(['bad1 dropped', 'bad2 applied after bad1', 'bad3 failed after bad2']);
      expect(await waiting()).toEqual(['bad: 1']);
      expect(await effects()).toEqual(['bad2']);
      broken = false;
      expect(await replayDeadLetter(options(), stoppedAt!.id)).toEqual({ applied: 2 });
      expect(await effects()).toEqual(['bad2', 'bad3', 'bad4']);
    });

    it('waits for an earlier one of its key', async () => {
      await consume();
      const noMessage = { value: Buffer.from([0x0a, 0xff]) };
      await hear(said('bad', 1, noMessage), said('bad', 2), said('bad', 3, noMessage), said('bad', 4));
      await expect(dropDeadLetter(options(), await idOf('bad3'))).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(`Replay or drop ${await idOf('bad1')} first`) });
      expect(await dropDeadLetter(options(), await idOf('bad1'))).toMatchObject({ applied: 1, stoppedAt: { id: await idOf('bad3'), state: 'dead' } });
      expect(await effects()).toEqual(['bad2']);
      expect(await dropDeadLetter(options(), await idOf('bad3'))).toEqual({ applied: 1 });
      expect(await effects()).toEqual(['bad2', 'bad4']);
    });

    it('leaves the rest of its key parked where a replay is broken off, and the next replay goes on there', async () => {
      await consume();
      await hear(said('bad', 1, { specJson: 'no owner' }), said('bad', 2), said('bad', 3));
      broken = false;
      const { applied, stoppedAt } = await replayDeadLetter({ ...options(), goOn: () => false }, await idOf('bad1'));
      expect([applied, stoppedAt?.state]).toEqual([1, 'held']);
      expect(await deadLetters(database)).toMatchObject([{ class: 'held', attempts: 0, waiting: 1, eventId: `${group}-bad2` }]);
      await hear(said('bad', 4));
      expect(await waiting()).toEqual(['bad: 2']);
      expect(await replayDeadLetter(options(), stoppedAt!.id)).toEqual({ applied: 3 });
      expect(await effects()).toEqual(['bad1', 'bad2', 'bad3', 'bad4']);
    });
  });

  describe('a replay beside a running consumer', () => {
    it('makes an event of its key wait until it is over, and no other key', async () => {
      await consume();
      await hear(said('bad', 1, { specJson: 'no owner' }), said('bad', 2));
      broken = false;
      let finish: () => void = () => undefined;
      const slow = new Promise<void>((resolve) => (finish = resolve));
      let begun = 0;
      const replayed = replayDeadLetter({ ...options(), around: async (_event, run) => { begun += 1; await run(); await slow; } }, await idOf('bad1'));
      await eventually('the first is handled', () => begun === 1);
      await hear(said('good', 1));
      expect(await effects()).toEqual(['good1']);
      await writer.append(models, 0, [said('bad', 3)]);
      await eventually('the consumer waits for the key', async () => (await database.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)).length === 1);
      finish();
      await replayed;
      await hear(said('bad', 4));
      // The one that waited came between two events of the replay, and was parked, or after its last.
      expect((await effects()).filter((effect) => effect.startsWith('bad'))).toEqual(['bad1', 'bad2', 'bad3', 'bad4']);
      expect([await deadLetters(database), await waiting()]).toEqual([[], []]);
    });

    it('loses nothing, doubles nothing and keeps the order, whoever else replays at the same time', async () => {
      await consume();
      const last = 60;
      await hear(said('bad', 1, { specJson: 'no owner' }), ...Array.from({ length: 20 }, (_, index) => said('bad', index + 2)));
      broken = false;
      const first = await idOf('bad1');
      const going = Promise.allSettled(Array.from({ length: 3 }, () => replayDeadLetter(options(), first)));
      for (let version = 22; version <= last; version += 2) await writer.append(models, 0, [said('bad', version), said('bad', version + 1), said('good', version)]);
      await going;
      await eventually('the key is free', async () => {
        for (const { id } of await deadLetters(database)) await replayDeadLetter(options(), id).catch(() => undefined);
        return (await effects()).length === last + 1 + (last - 20) / 2;
      });
      expect((await effects()).filter((effect) => effect.startsWith('bad'))).toEqual(Array.from({ length: last + 1 }, (_, index) => `bad${index + 1}`));
      expect(await waiting()).toEqual([]);
    });
  });
};
