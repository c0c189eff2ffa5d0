import { unavailable } from '@rhei/contracts';
import { eventually, openDatabase, type TestDatabase } from '@rhei/testing';
import { KeptLogger } from '../spec/open-log';
import { aModelApplied } from '../spec/outgoing';
import type { Entry, EventLog } from './event-log';
import { append, outboxShardOf } from './outbox';
import { Relay, type RelayOptions } from './relay';
import { outstandingOf } from './status';

/** A log that keeps what it is given, and fails when it is told to. */
class KeptLog {
  readonly calls: { lane: string; ids: string[] }[] = [];
  stored: string[] = [];
  fail: (lane: string) => boolean = () => false;
  /** Whether a failed call stored its entries all the same. */
  storesAnyway = false;

  async append(topic: string, partition: number, entries: Entry[]): Promise<void> {
    const lane = `${topic}/${partition}`;
    const ids = entries.map(({ headers }) => headers['ce_id']);
    this.calls.push({ lane, ids });
    const fails = this.fail(lane);
    if (!fails || this.storesAnyway) this.stored.push(...ids);
    if (fails) throw unavailable('The event log does not answer.');
  }
}

describe('the relay', () => {
  let database: TestDatabase;
  let log: KeptLog;
  const logger = new KeptLogger();
  const relays: Relay[] = [];
  beforeAll(async () => {
    database = await openDatabase();
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    log = new KeptLog();
    await database.query('TRUNCATE outbox, inbox');
  });
  afterEach(() => Promise.all(relays.splice(0).map((relay) => relay.stop())));

  const start = async (more: Partial<RelayOptions> = {}) => {
    const relay = new Relay({ service: 'registry', database: database.url, log: log as unknown as EventLog, logger, poll: 20, ...more });
    relays.push(relay);
    await relay.start();
    return relay;
  };
  const say = (...ids: string[]) => database.transaction((tx) => append(tx, ids.map((id, i) => aModelApplied('m', i, { id }))));
  const allSent = () => eventually('everything is sent', async () => (await outstandingOf(database)).unsent === 0);

  it('sends what was committed, in order, with CloudEvents headers', async () => {
    const sent: Entry[] = [];
    await start({ log: { append: async (_topic: string, _partition: number, entries: Entry[]) => void sent.push(...entries) } as unknown as EventLog });
    await database.transaction(async (tx) => {
      await append(tx, [aModelApplied('m', 1, { id: 'one', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }), aModelApplied('m', 2)]);
      await append(tx, []);
    });
    await allSent();
    expect(sent[0]).toEqual({
      key: 'm',
      headers: {
        ce_specversion: '1.0', ce_id: 'one', ce_source: '/rhei/registry', ce_type: 'rhei.registry.model-applied.v1', ce_time: '2001-01-01T00:00:00.000001Z',
        ce_subject: 'm', 'content-type': 'application/protobuf', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
      value: Buffer.from(aModelApplied('m', 1).payload),
    });
    expect(sent[1].headers['ce_id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(sent).toHaveLength(2);
  });

  it('sends nothing of a transaction that was rolled back', async () => {
    await start();
    await expect(database.transaction(async (tx) => {
      await append(tx, aModelApplied('m', 1, { id: 'never' }));
      throw new Error('rolled back');
    })).rejects.toThrow('rolled back');
    await say('later');
    await allSent();
    expect(log.stored).toEqual(['later']);
  });

  it('is quick when it is woken', async () => {
    const relay = await start({ poll: 60_000 });
    await say('now');
    relay.wake();
    await eventually('it is sent', () => log.stored.includes('now'), 2000);
  });

  it('repeats the identical batch first after a send that failed, though it may have been stored', async () => {
    let failures = 3;
    log.fail = () => (failures -= 1) >= 0;
    log.storesAnyway = true;
    const relay = await start();
    await say('a', 'b');
    relay.wake();
    await eventually('it failed', () => log.calls.length > 0);
    await say('c');
    await allSent();
    const [first, ...rest] = log.calls.map(({ ids }) => ids.join());
    expect(rest.slice(0, 3)).toEqual([first, first, first]);
    expect([...new Set(log.stored)]).toEqual(['a', 'b', 'c']);
  });

  it('does not hold back other partitions when one cannot be sent', async () => {
    log.fail = (lane) => lane === 'registry.models/0';
    await start();
    await say('stuck');
    await database.transaction((tx) => append(tx, [{ eventName: 'ModelApplied', key: 'm', partition: 1, payload: new Uint8Array(), time: 0, id: 'free' }]));
    await eventually('the other was sent', () => log.stored.includes('free'));
    expect(await outstandingOf(database)).toMatchObject({ unsent: 1 });
    log.fail = () => false;
    await allSent();
    expect(log.stored).toEqual(['free', 'stuck']);
  });

  it('keeps the order of each key while a backlog is read ahead, transactions commit in another order than they wrote, and sends fail', async () => {
    const backlog = 1_700;
    await database.transaction((tx) => append(tx, Array.from({ length: backlog }, (_, i) => aModelApplied('m', 0, { id: `${i % 7}-${String(Math.floor(i / 7)).padStart(5, '0')}`, partition: i % 7 }))));
    let chance = 1;
    const dice = () => (chance = (chance * 48_271) % 2_147_483_647) / 2_147_483_647;
    log.fail = () => dice() < 0.1;
    log.storesAnyway = true;
    const next = Array.from({ length: 7 }, (_, key) => Math.ceil((backlog - key) / 7));
    await start();
    // Rows of one key wait for its lock; those of others get lower ids and commit later, or the reverse.
    await Promise.all(Array.from({ length: 6 }, async () => {
      for (let i = 0; i < 40; i++) {
        const key = Math.floor(dice() * 7);
        await database.transaction(async (tx) => {
          await tx.query('SELECT pg_advisory_xact_lock(77, $1)', [key]);
          await append(tx, Array.from({ length: 5 }, () => aModelApplied('m', 0, { id: `${key}-${String(next[key]++).padStart(5, '0')}`, partition: key })));
          await new Promise((resolve) => setTimeout(resolve, dice() * 8));
        });
      }
    }));
    log.fail = () => false;
    await allSent();
    const firsts = [...new Set(log.stored)];
    expect(firsts).toHaveLength(backlog + 6 * 40 * 5);
    for (let key = 0; key < 7; key++) {
      const sent = firsts.filter((id) => id.startsWith(`${key}-`));
      expect(sent).toEqual([...sent].sort());
    }
  }, 20_000);

  it('lets nothing overtake an event that was written before a backlog and committed after the look at it', async () => {
    let commit = () => {};
    const held = new Promise<void>((resolve) => (commit = resolve));
    let inserted = () => {};
    const waiting = new Promise<void>((resolve) => (inserted = resolve));
    const early = database.transaction(async (tx) => {
      await append(tx, aModelApplied('m', 1, { id: 'early', partition: 1 }));
      inserted();
      await held;
    });
    await waiting;
    await database.transaction((tx) => append(tx, Array.from({ length: 500 }, (_, i) => aModelApplied('n', i, { id: `backlog-${i}`, partition: 0 }))));
    let looked = false;
    await start({
      crashAt: async (point) => {
        if (point !== 'relay.before-send' || looked) return;
        looked = true;
        commit();
        await early;
        await database.transaction((tx) => append(tx, aModelApplied('m', 2, { id: 'late', partition: 1 })));
      },
    });
    await allSent();
    expect(log.stored.filter((id) => !id.startsWith('backlog'))).toEqual(['early', 'late']);
  });

  it('leaves each shard to one of several relays, and takes it over when that one stops', async () => {
    const shard = outboxShardOf('registry.models', 0);
    const byOther: string[] = [];
    const other = { append: async (_topic: string, _partition: number, entries: Entry[]) => void byOther.push(...entries.map(({ headers }) => headers['ce_id'])) };
    const first = await start({ shards: [shard] });
    await start({ log: other as unknown as EventLog });
    await say('one');
    await allSent();
    expect(log.stored).toEqual(['one']);
    await first.stop();
    await say('two');
    await allSent();
    expect(byOther).toEqual(['two']);
  });

  it('forgets what was sent long ago, never what was not', async () => {
    log.fail = () => true;
    await database.query(`INSERT INTO inbox VALUES ('x', 'old', 0), ('x', 'new', $1)`, [Date.now() * 1000]);
    await say('old', 'new', 'unsent');
    await database.query(`UPDATE outbox SET sent_at = CASE headers ->> 'ce_id' WHEN 'old' THEN 0 WHEN 'new' THEN $1::bigint END`, [Date.now() * 1000]);
    await start();
    await eventually('it is purged', async () => (await database.query('SELECT id FROM outbox')).length === 2);
    expect(await database.query(`SELECT headers ->> 'ce_id' AS id FROM outbox ORDER BY id`)).toEqual([{ id: 'new' }, { id: 'unsent' }]);
    await eventually('the inbox too', async () => (await database.query('SELECT event_id FROM inbox')).length === 1);
  });

  it('finds back after its session was cut', async () => {
    await start();
    await say('one');
    await allSent();
    await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'rhei relay registry'`);
    await say('two');
    await allSent();
    expect([...new Set(log.stored)]).toEqual(['one', 'two']);
  });
});
