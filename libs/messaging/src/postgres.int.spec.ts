import { eventually, freshName, testCluster } from '@rhei/testing';
import { Client } from 'pg';
import { anEntry, KeptLogger, openTestLog, type TestLog } from '../spec/open-log';
import { eventLogContract } from './event-log.contract';
import { PostgresEventLog } from './postgres';
import { installPostgresLog } from './postgres-install';

describe('the event log in Postgres', () => {
  eventLogContract(async () => {
    const log = await openTestLog();
    return { connect: (service) => log.open(service), close: () => log.close() };
  });
});

describe('what is Postgres about it', () => {
  let log: TestLog;
  let admin: Client;
  const logger = new KeptLogger();
  beforeAll(async () => {
    log = await openTestLog(logger);
    admin = new Client({ connectionString: log.adminUrl });
    await admin.connect();
  });
  afterAll(async () => {
    await admin.end();
    await log.close();
  });

  const readAll = async (service: 'feature', group: string, from: number, onRead: (offsets: number[], bytes: number) => void) =>
    log.open(service).subscribeShared({
      group, topics: ['registry.models'], positionOf: async () => from,
      onBatch: async ({ entries }) => onRead(entries.map(({ offset }) => offset), entries.reduce((sum, { value }) => sum + value.length, 0)),
    });

  it('is installed once when twenty start at the same time, and again without a change', async () => {
    const cluster = await testCluster();
    const name = freshName('log');
    await cluster.createDatabase(name);
    await Promise.all(Array.from({ length: 20 }, () => installPostgresLog(cluster.adminUrl(name))));
    const fresh = new PostgresEventLog({ url: cluster.urlFor('rhei_registry', 'for-tests-only', name), logger });
    await fresh.append('registry.models', 0, [anEntry('ModelApplied', 'm')]);
    await installPostgresLog(cluster.adminUrl(name));
    expect(await fresh.heads('registry.models')).toEqual([1]);
    await fresh.close();
    await cluster.dropDatabase(name);
  });

  it('lets nobody write past the function, or under a role that is no service', async () => {
    const writer = new Client({ connectionString: log.urlOf('registry') });
    await writer.connect();
    await expect(writer.query(`UPDATE partition SET next = 0`)).rejects.toThrow('permission denied');
    await expect(writer.query(`INSERT INTO event (topic, partition, "offset", key, headers, payload) VALUES ('registry.models', 0, 0, '', '{}', '')`)).rejects.toThrow('permission denied');
    await writer.end();
    const stranger = new PostgresEventLog({ url: log.adminUrl, logger });
    await expect(stranger.append('registry.models', 0, [anEntry('ModelApplied', 'm')])).rejects.toMatchObject({ code: 'forbidden', message: expect.stringContaining('expected rhei_<service>') });
    await stranger.close();
  });

  it('reads at most 200 entries and 4 MiB at a time, and one entry whatever its size', async () => {
    const writer = log.open('registry');
    const [start] = await writer.heads('registry.models');
    await writer.append('registry.models', 0, Array.from({ length: 450 }, () => anEntry('ModelApplied', 'm')));
    const mebibyte = 1024 * 1024;
    await writer.append('registry.models', 0, [3, 2, 5, 1].map((size) => anEntry('ModelApplied', 'm', Buffer.alloc(size * mebibyte))));
    const batches: { count: number; bytes: number }[] = [];
    const subscription = await readAll('feature', freshName('group'), start, (offsets, bytes) => batches.push({ count: offsets.length, bytes }));
    await eventually('everything was read', () => batches.reduce((sum, { count }) => sum + count, 0) === 454);
    await subscription.stop();
    expect(batches.every(({ count }) => count <= 200)).toBe(true);
    expect(batches.slice(0, 2).map(({ count }) => count)).toEqual([200, 200]);
    expect(batches.filter(({ count, bytes }) => count > 1 && bytes > 9 * mebibyte)).toEqual([]);
  });

  it('finds back after its connections were cut, and misses nothing', async () => {
    const writer = log.open('registry');
    const [start] = await writer.heads('registry.models');
    const seen: number[] = [];
    const heard: number[] = [];
    const shared = await readAll('feature', 'group-that-is-cut', start, (offsets) => seen.push(...offsets));
    const broadcast = await log.open('serving').subscribeBroadcast({ group: 'live', topics: ['registry.models'], onBatch: async ({ entries }) => void heard.push(...entries.map(({ offset }) => offset)) });
    for (let round = 0; round < 3; round++) {
      await writer.append('registry.models', 0, [anEntry('ModelApplied', 'm')]);
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'rhei log%'`);
      await eventually('the writer is connected again', () => writer.append('registry.models', 0, [anEntry('ModelApplied', 'm')]).then(() => true));
    }
    const [end] = await writer.heads('registry.models');
    await eventually('both have read all', () => new Set(seen).size === end - start && new Set(heard).size === end - start);
    expect([...new Set(seen)]).toEqual(Array.from({ length: end - start }, (_, i) => start + i));
    await Promise.all([shared.stop(), broadcast.stop()]);
  });

  it('wakes the subscriptions of other processes by NOTIFY', async () => {
    const writer = log.open('registry');
    const [start] = await writer.heads('registry.models');
    // Reached under another name, the log counts as one of another process; and this one never looks by itself.
    const distant = new PostgresEventLog({ url: log.urlOf('feature').replace('127.0.0.1', 'localhost'), logger, poll: 60_000 });
    const seen: number[] = [];
    await distant.subscribeShared({ group: 'distant', topics: ['registry.models'], positionOf: async () => start, onBatch: async ({ entries }) => void seen.push(entries.length) });
    await writer.append('registry.models', 0, [anEntry('ModelApplied', 'm')]);
    await eventually('it was woken', () => seen.length === 1, 2000);
    await distant.close();
  });

  it('trims what is old; offsets go on', async () => {
    const writer = log.open('registry');
    await writer.append('registry.models', 0, [anEntry('ModelApplied', 'm')]);
    const [head] = await writer.heads('registry.models');
    await admin.query(`UPDATE event SET appended_at = appended_at - interval '8 days' WHERE topic = 'registry.models' AND "offset" < $1`, [head - 1]);
    const { rows: [{ count }] } = await admin.query(`SELECT count(*)::int AS count FROM event WHERE topic = 'registry.models'`);
    expect(await writer.trim('registry.models', (Date.now() - 7 * 86_400_000) * 1000)).toBe(count - 1);
    await writer.append('registry.models', 0, [anEntry('ModelApplied', 'm')]);
    expect(await writer.heads('registry.models')).toEqual([head + 1]);
    await expect(log.open('serving').trim('registry.models', 0)).rejects.toMatchObject({ code: 'forbidden' });
  });
});
