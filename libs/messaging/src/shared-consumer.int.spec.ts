import { events, invalid, unavailable } from '@rhei/contracts';
import { Client } from 'pg';
import { eventually, openDatabase, type TestDatabase } from '@rhei/testing';
import { anEntry, KeptLogger, openTestLog, type TestLog } from '../spec/open-log';
import { aModelApplied } from '../spec/outgoing';
import { deadLetters } from './dead-letters';
import type { Delivered } from './delivered';
import type { Entry, EventLog } from './event-log';
import { SharedConsumer, type SharedConsumerOptions } from './shared-consumer';
import { outstandingOf, parkedKeys, progressOf } from './status';
import type { Queryable, Transactor } from './transaction';

const { ModelApplied } = events;
const models = 'registry.models' as const;

describe('a shared consumer', () => {
  let log: TestLog;
  let database: TestDatabase;
  let writer: EventLog;
  const logger = new KeptLogger();
  let group: string;
  const consumers: SharedConsumer[] = [];
  let count = 0;

  beforeAll(async () => {
    [log, database] = await Promise.all([openTestLog(logger), openDatabase()]);
    await database.query('CREATE TABLE effect (id bigserial PRIMARY KEY, key text, version int)');
    writer = log.open('registry');
  });
  afterAll(async () => {
    await log.close();
    await database.close();
  });
  beforeEach(async () => {
    logger.lines.length = 0;
    group = `group-${(count += 1)}`;
    const [head] = await writer.heads(models);
    await database.query('INSERT INTO position VALUES ($1, $2, 0, $3)', [group, models, head]);
    await database.query('TRUNCATE effect, dead_letter, parked');
  });
  afterEach(() => Promise.all(consumers.splice(0).map((consumer) => consumer.stop())));

  type Handle = (event: Delivered<'ModelApplied'>, tx: Queryable) => Promise<void>;
  const record: Handle = async ({ key, payload }, tx) => {
    await tx.query('INSERT INTO effect (key, version) VALUES ($1, $2)', [key, Number(payload.version)]);
  };
  const consume = async (handle: Handle = record, more: Partial<SharedConsumerOptions> = {}) => {
    const consumer = new SharedConsumer({ service: 'training', group, log: log.open('training'), database, logger, handlers: new Map([[ModelApplied.type, handle]]), ...more });
    consumers.push(consumer);
    await consumer.start();
    return consumer;
  };
  const said = (key: string, version: number, id?: string): Entry => anEntry('ModelApplied', key, Buffer.from(aModelApplied(key, version).payload), id);
  const caughtUp = () => eventually('everything was read', async () => (await progressOf(database, writer, group, [models])).every(({ position, head }) => position === head));
  const effects = async () => (await database.query<{ key: string; version: number }>('SELECT key, version FROM effect ORDER BY id')).map(({ key, version }) => `${key}${version}`);

  it('applies what was said, in order, with its decoded payload, time and trace', async () => {
    const heard: Delivered[] = [];
    await consume(async (event, tx) => {
      heard.push(event);
      await record(event, tx);
    });
    const entry = said('m', 1, 'first');
    entry.headers = { ...entry.headers, ce_time: '2001-01-01T00:00:00.000001Z', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    await writer.append(models, 0, [entry, said('m', 2), said('n', 1)]);
    await caughtUp();
    expect(await effects()).toEqual(['m1', 'm2', 'n1']);
    expect(heard[0]).toMatchObject({ id: 'first', name: 'ModelApplied', key: 'm', time: 978_307_200_000_001, traceparent: entry.headers['traceparent'], topic: models, partition: 0 });
  });

  it('applies an event once that comes twice, in one batch or later', async () => {
    const consumer = await consume();
    await writer.append(models, 0, [said('m', 1, `${group}-a`), said('m', 2, `${group}-b`), said('m', 1, `${group}-a`)]);
    await caughtUp();
    await writer.append(models, 0, [said('m', 2, `${group}-b`), said('m', 3, `${group}-c`)]);
    await caughtUp();
    expect(await effects()).toEqual(['m1', 'm2', 'm3']);
    expect(consumer.counters).toMatchObject({ handled: 3, duplicates: 2 });
  });

  it('commits the events of a batch together', async () => {
    await writer.append(models, 0, Array.from({ length: 100 }, (_, i) => said(`m${i % 7}`, i)));
    let transactions = 0;
    const counting: Transactor = { transaction: (work) => database.transaction((tx) => ((transactions += 1), work(tx))) };
    await consume(record, { database: counting });
    await caughtUp();
    expect((await effects()).length).toBe(100);
    // One for the position at the start, one that notes the first batch, one for the batch.
    expect(transactions).toBe(3);
  });

  it('skips what the service does not hear, and moves on', async () => {
    const consumer = await consume();
    await writer.append(models, 0, [anEntry('ModelVersionPromoted', 'm', 'not even protobuf'), said('m', 1)]);
    await caughtUp();
    expect(await effects()).toEqual(['m1']);
    expect(consumer.counters).toMatchObject({ handled: 1, skipped: 1, dead: 0 });
  });

  it('wraps each event in what is around it', async () => {
    const around: string[] = [];
    await consume(record, { around: async ({ id }, run) => { around.push(`before ${id}`); await run(); around.push(`after ${id}`); } });
    await writer.append(models, 0, [said('m', 1, 'one'), said('m', 2, 'two')]);
    await caughtUp();
    expect(around).toEqual(['before one', 'after one', 'before two', 'after two']);
  });

  describe('when a handler fails for good', () => {
    it('makes a dead letter with the original event, parks its key in order, and lets other keys go on', async () => {
      const consumer = await consume(async (event, tx) => {
        await record(event, tx);
        if (event.key === 'bad') throw invalid('Model "bad" has no owner: expected one, got none.');
      });
      const poison = said('bad', 1, `${group}-poison`);
      await writer.append(models, 0, [said('good', 1), poison, said('good', 2), said('bad', 2), said('bad', 3)]);
      await writer.append(models, 0, [said('bad', 4), said('good', 3)]);
      await caughtUp();
      expect(await effects()).toEqual(['good1', 'good2', 'good3']);
      expect(await parkedKeys(database)).toEqual([{ group, topic: models, key: 'bad', waiting: 3 }]);
      expect(await outstandingOf(database)).toMatchObject({ parked: 1, deadLetters: 1 });
      const [letter] = await deadLetters(database);
      expect(letter).toMatchObject({ group, eventId: `${group}-poison`, eventType: ModelApplied.type, topic: models, partition: 0, key: 'bad', class: 'refused', attempts: 1, reason: 'Model "bad" has no owner: expected one, got none.' });
      const [row] = await database.query<{ headers: unknown; payload: Buffer; first_failure: number }>('SELECT headers, payload, first_failure FROM dead_letter');
      expect(row.headers).toEqual(poison.headers);
      expect(Buffer.compare(row.payload, poison.value as Buffer)).toBe(0);
      expect(Math.abs(Date.now() * 1000 - row.first_failure)).toBeLessThan(60e6);
      const parked = await database.query<{ offset: number }>('SELECT "offset" FROM parked ORDER BY id');
      expect(parked.map(({ offset }) => offset - letter.offset)).toEqual([2, 3, 4]);
      expect(consumer.counters).toMatchObject({ handled: 3, dead: 1, parked: 3 });
    });

    it('does not take a copy of a dead or parked event for a new one', async () => {
      await consume(async () => { throw invalid('never'); });
      const [dead, parked] = [said('bad', 1, `${group}-dead`), said('bad', 2, `${group}-parked`)];
      await writer.append(models, 0, [dead, parked]);
      await writer.append(models, 0, [dead, parked]);
      await caughtUp();
      expect(await outstandingOf(database)).toMatchObject({ parked: 1, deadLetters: 1 });
      expect(await parkedKeys(database)).toMatchObject([{ waiting: 1 }]);
    });

    it('gives an unforeseen error three attempts', async () => {
      let attempts = 0;
      await consume(async ({ key }) => {
        if (key === 'odd') throw new TypeError(`cannot read (${(attempts += 1)})`);
      });
      await writer.append(models, 0, [said('odd', 1)]);
      await caughtUp();
      expect(attempts).toBe(3);
      expect(await deadLetters(database)).toMatchObject([{ class: 'failed', attempts: 3, reason: 'cannot read (3)' }]);
    });
  });

  it('waits and repeats while what it needs is away, and loses nothing', async () => {
    let away = 8;
    const consumer = await consume(async (event, tx) => {
      if ((away -= 1) > 0) throw unavailable('Service "feature" does not answer.');
      await record(event, tx);
    });
    await writer.append(models, 0, [said('m', 1), said('m', 2)]);
    await caughtUp();
    expect(await effects()).toEqual(['m1', 'm2']);
    expect(await deadLetters(database)).toEqual([]);
    expect(consumer.counters.retried).toBeGreaterThan(3);
  });

  it('keeps bytes that cannot be read as a dead letter, and parks their key', async () => {
    await consume();
    await writer.append(models, 0, [anEntry('ModelApplied', 'm', Buffer.from([0x0a, 0xff])), said('m', 2), said('n', 1)]);
    await caughtUp();
    expect(await effects()).toEqual(['n1']);
    expect(await deadLetters(database)).toMatchObject([{ class: 'undecodable', key: 'm' }]);
    expect(await parkedKeys(database)).toMatchObject([{ key: 'm', waiting: 1 }]);
  });

  it('keeps an event of a type it does not know as a dead letter, and goes on with its key', async () => {
    // Only a newer producer says such a thing; a log that lets it through stands for it.
    const entries = [{ ...said('m', 1), offset: 0 }, { ...said('m', 2), offset: 1 }];
    entries[0].headers = { ...entries[0].headers, ce_type: 'rhei.registry.model-archived.v1' };
    const newer: EventLog = {
      ...writer, append: jest.fn(), heads: async () => [2], close: async () => undefined, subscribeBroadcast: () => { throw new Error('not asked for'); },
      async subscribeShared({ onBatch, positionOf }) {
        await positionOf(models, 0);
        await onBatch({ topic: models, partition: 0, entries });
        return { positions: () => [], stop: async () => undefined };
      },
    };
    await database.query('UPDATE position SET next = 0 WHERE consumer = $1', [group]);
    await consume(record, { log: newer });
    expect(await effects()).toEqual(['m2']);
    expect(await deadLetters(database)).toMatchObject([{ class: 'unknown-type', eventType: 'rhei.registry.model-archived.v1' }]);
    expect(await parkedKeys(database)).toEqual([]);
  });

  it('takes nothing when another member has moved the position meanwhile', async () => {
    const seen: number[] = [];
    let once = true;
    await consume(record, {
      crashAt: async (point) => {
        if (point !== 'consumer.before-transaction' || !once) return;
        once = false;
        // As if this member had been stopped here, and another had taken the partition and the batch.
        await database.query('UPDATE position SET next = next + 2 WHERE consumer = $1', [group]);
      },
      around: async ({ offset }, run) => { seen.push(offset); await run(); },
    });
    await writer.append(models, 0, [said('m', 1), said('m', 2), said('m', 3)]);
    await caughtUp();
    expect(await effects()).toEqual(['m3']);
    expect(logger.lines.some(({ about }) => JSON.stringify(about).includes('somebody else has moved it'))).toBe(true);
  });

  it('does not go on without entries that the log has lost', async () => {
    await consume();
    await writer.append(models, 0, [said('m', 1)]);
    await caughtUp();
    await consumers.splice(0)[0].stop();
    await database.query('UPDATE position SET next = next - 1 WHERE consumer = $1', [group]);
    const admin = new Client({ connectionString: log.adminUrl });
    await admin.connect();
    await admin.query('DELETE FROM event');
    await admin.end();
    await writer.append(models, 0, [said('m', 2)]);
    await consume();
    await eventually('it complains', () => logger.lines.some(({ message }) => message.includes('lost or trimmed')));
    expect(await effects()).toEqual(['m1']);
  });

  it('does not go on when the log ends before what was read of it, and says what to do', async () => {
    const [head] = await writer.heads(models);
    await database.query('UPDATE position SET next = $2 WHERE consumer = $1', [group, head + 7]);
    await consume();
    await eventually('it complains', () => logger.lines.some(({ about }) => JSON.stringify(about).includes(`read up to ${head + 7}, but the log ends at ${head}`)));
    expect(logger.lines.some(({ about }) => JSON.stringify(about).includes(`UPDATE position SET next = 0 WHERE consumer = '${group}'`))).toBe(true);
    await writer.append(models, 0, [said('m', 1)]);
    expect(await effects()).toEqual([]);
    await database.query('UPDATE position SET next = $2 WHERE consumer = $1', [group, head]);
    await caughtUp();
    expect(await effects()).toEqual(['m1']);
  });

  it('refuses a handler for a type that topics.ts does not name', async () => {
    await expect(consume(record, { handlers: new Map([['rhei.nobody.says-this.v1', record]]) })).rejects.toMatchObject({ code: 'invalid' });
  });
});
