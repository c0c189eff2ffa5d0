import type { ServiceName } from '@rhei/contracts';
import { eventually } from '@rhei/testing';
import { asAdmin, sendPlainly } from '../spec/kafka-client';
import { freePort, KafkaCluster } from '../spec/kafka-cluster';
import { anEntry, KeptLogger } from '../spec/open-log';
import { applyTopics } from './apply-topics';
import type { UpstreamRecord } from './event-log';
import { eventLogContract } from './event-log.contract';
import { KafkaEventLog } from './kafka-event-log';

const models = 'registry.models' as const;
const records = 'ingestion.records' as const;

// Groups take a moment to form, and containers share the machine.
jest.setTimeout(60_000);

let cluster: KafkaCluster;
let withoutTopics: unknown;
const logger = new KeptLogger();
const opened: KafkaEventLog[] = [];
const ended: string[] = [];
const openLog = (service: ServiceName, { query = 'session=3000', watch, url }: { query?: string; watch?: number; url?: string } = {}): KafkaEventLog => {
  const log = new KafkaEventLog({ url: url ?? cluster.url('', query), service, logger, onFatal: (reason) => void ended.push(reason), ...(watch !== undefined && { watch }) });
  opened.push(log);
  return log;
};
beforeAll(async () => {
  cluster = await KafkaCluster.start();
  withoutTopics = await openLog('feature').ready().catch((error: unknown) => error);
  await applyTopics({ url: cluster.url(), upstream: [{ name: 'upstream.shop', partitions: 2, writers: ['shop'] }] });
}, 120_000);
afterAll(() => cluster?.stop());
beforeEach(() => {
  logger.lines.length = 0;
  ended.length = 0;
});
afterEach(() => Promise.all(opened.splice(0).map((log) => log.close())));

describe('the event log on Kafka', () => {
  eventLogContract(async () => ({ connect: (service) => openLog(service), close: async () => undefined }));
});

let groups = 0;
const group = () => `feature.spec-${(groups += 1)}`;
const ids = (entries: { headers: Record<string, string> }[]) => entries.map(({ headers }) => headers['ce_id']);

describe('what is Kafka about it', () => {
  it('refuses to start without its topics, and says what makes them', async () => {
    expect(withoutTopics).toMatchObject({ code: 'invalid', message: expect.stringMatching(/no topic "ingestion\.sources".*rhei topics apply --broker kafka:\/\/127/) });
    await openLog('feature').ready();
    expect(logger.lines.filter(({ level }) => level !== 'debug')).toEqual([expect.objectContaining({ level: 'warn', message: expect.stringContaining('Replication is 1') })]);
  });

  it('waits for a broker that is not there, until it is told to stop', async () => {
    const stop = new AbortController();
    const waiting = openLog('feature', { url: `kafka://127.0.0.1:${await freePort()}` }).ready(stop.signal);
    await eventually('it says so', () => logger.lines.some(({ message }) => message.includes('waiting for it')), 20_000);
    stop.abort();
    await waiting;
  });

  it('lets a handler take longer than the session of its group, and gives the batch once', async () => {
    const [start] = await openLog('feature').heads(models);
    const seen: string[] = [];
    await openLog('feature', { query: 'session=1500' }).subscribeShared({
      group: group(), topics: [models], positionOf: async () => start,
      onBatch: async ({ entries }) => {
        seen.push(...ids(entries));
        await new Promise((resolve) => setTimeout(resolve, 4_000));
      },
    });
    await openLog('registry').append(models, 0, [anEntry('ModelApplied', 'm', '', 'long')]);
    await eventually('it began', () => seen.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(seen).toEqual(['long']);
    expect(logger.lines.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  it('holds no more than a little of a partition whose handler is slow', async () => {
    const [start] = await openLog('feature').heads(models);
    const writer = openLog('registry');
    for (let i = 0; i < 12; i++) await writer.append(models, 0, Array.from({ length: 100 }, () => anEntry('ModelApplied', 'm', Buffer.alloc(10_000))));
    let taken = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const log = openLog('feature');
    const subscription = await log.subscribeShared({ group: group(), topics: [models], positionOf: async () => start, onBatch: async ({ entries }) => { await held; taken += entries.length; } });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const [lane] = [...(subscription as unknown as { lanes: Map<string, { waitingBytes: number }> }).lanes.values()];
    // One answer of the broker, of 12 MB that are there.
    expect(lane.waitingBytes).toBeLessThan(3e6);
    release();
    await eventually('all was read', () => taken === 1_200, 20_000);
  });

  it('tells the broker how far it is, and believes the consumer all the same', async () => {
    const name = group();
    const [start] = await openLog('feature').heads(models);
    await openLog('registry').append(models, 0, [anEntry('ModelApplied', 'm', '', 'told-1'), anEntry('ModelApplied', 'm', '', 'told-2')]);
    const read = async () => {
      const seen: string[] = [];
      const subscription = await openLog('feature').subscribeShared({ group: name, topics: [models], positionOf: async () => start, onBatch: async ({ entries }) => void seen.push(...ids(entries)) });
      await eventually('both were read', () => seen.length === 2);
      await subscription.stop();
      return seen;
    };
    expect(await read()).toEqual(['told-1', 'told-2']);
    const [{ partitions }] = await asAdmin(cluster.url(), (admin) => admin.fetchOffsets({ groupId: name, topics: [models] }));
    expect(partitions).toEqual([expect.objectContaining({ partition: 0, offset: String(start + 2) })]);
    const { groups: [{ members }] } = await asAdmin(cluster.url(), (admin) => admin.describeGroups([name]));
    expect(members).toEqual([]);
    expect(await read()).toEqual(['told-1', 'told-2']);
  });

  it('does not read on when the log ends before the position, and begins at the oldest entry after a gap, aloud', async () => {
    const writer = openLog('registry');
    await writer.append(models, 0, [anEntry('ModelApplied', 'm', '', 'gap-1'), anEntry('ModelApplied', 'm', '', 'gap-2')]);
    const [head] = await writer.heads(models);
    const seen: number[] = [];
    let position = head + 5;
    await openLog('feature').subscribeShared({ group: group(), topics: [models], positionOf: async () => position, onBatch: async ({ entries }) => void seen.push(...entries.map(({ offset }) => offset)) });
    await eventually('it complains', () => logger.lines.some(({ level, message }) => level === 'error' && message.includes('ends before what was read')));
    expect(seen).toEqual([]);
    await asAdmin(cluster.url(), async (admin) => {
      await admin.fetchTopicOffsets(models);
      await admin.deleteTopicRecords({ topic: models, partitions: [{ partition: 0, offset: String(head - 1) }] });
    });
    position = head - 2;
    await eventually('it reads on', () => seen.length === 1, 20_000);
    expect(seen).toEqual([head - 1]);
    expect(logger.lines.some(({ level, message }) => level === 'error' && message.includes('removed from the log before they were read'))).toBe(true);
  });

  it('ends the process when its consumer has stopped without a word', async () => {
    const subscription = await openLog('feature', { watch: 2_000 }).subscribeShared({ group: group(), topics: [models], positionOf: async () => 0, onBatch: async () => undefined });
    await eventually('it is at work', () => subscription.positions().length === 1);
    await (subscription as unknown as { consumer: { client: { stop(): Promise<void> } } }).consumer.client.stop();
    await eventually('it is noticed', () => ended.length === 1, 20_000);
    expect(ended[0]).toContain('has asked for nothing for 2 s although the broker answers');
  });
});

describe('a broadcast member', () => {
  it('misses nothing and gets nothing twice while its partitions come and go', async () => {
    const name = 'serving.live.spec';
    const seen: string[] = [];
    const member = await openLog('serving').subscribeBroadcast({ group: name, topics: [models, records], onBatch: async ({ entries }) => void seen.push(...ids(entries)) });
    const [registry, ingestion] = [openLog('registry'), openLog('ingestion')];
    let writing = true;
    const said: string[] = [];
    const write = (async () => {
      for (let i = 0; writing; i++) {
        const entry = i % 3 === 2 ? anEntry('ModelApplied', 'm', '', `live-${i}`) : anEntry('RecordAccepted', String(i % 3), '', `live-${i}`);
        await (i % 3 === 2 ? registry.append(models, 0, [entry]) : ingestion.append(records, i % 3, [entry]));
        said.push(`live-${i}`);
      }
    })();
    // Another one in the same group takes partitions away for a while: worse than any rejoin.
    for (let i = 0; i < 3; i++) {
      const other = await openLog('serving').subscribeBroadcast({ group: name, topics: [models, records], onBatch: async () => undefined });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await other.stop();
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    writing = false;
    await write;
    await eventually('all were heard', () => new Set(seen).size === said.length, 20_000);
    expect(said.length).toBeGreaterThan(100);
    expect([...seen].sort()).toEqual([...said].sort());
    await member.stop();
  });
});

describe('an upstream subscription', () => {
  it('gives what somebody else wrote, as it came, from the position that is asked for', async () => {
    const long = Buffer.alloc(70_000, 7);
    await sendPlainly(cluster.url(), 'upstream.shop', [
      { partition: 0, key: 'a', value: 'skipped' },
      { partition: 0, key: null, value: null, headers: { 'content-type': Buffer.from([0xff, 0xfe]) } },
      { partition: 0, key: Buffer.from([0, 255]), value: long, headers: { twice: ['one', 'two'] } },
      { partition: 1, key: 'b', value: '{"id":1}' },
    ]);
    const seen: (UpstreamRecord & { partition: number })[] = [];
    const asked: number[] = [];
    const subscription = await openLog('ingestion').subscribeUpstream({
      group: 'ingestion.upstream', topic: 'upstream.shop',
      positionOf: async (partition) => (asked.push(partition), partition === 0 ? 1 : 0),
      onBatch: async ({ partition, records: batch }) => void seen.push(...batch.map((record) => ({ partition, ...record }))),
    });
    await eventually('all were read', () => seen.length === 3);
    expect(asked.sort()).toEqual([0, 1]);
    const of = (partition: number) => seen.filter((record) => record.partition === partition);
    expect(of(0)).toEqual([
      { partition: 0, offset: 1, key: null, value: null, headers: { 'content-type': Buffer.from([0xff, 0xfe]) } },
      { partition: 0, offset: 2, key: Buffer.from([0, 255]), value: long, headers: { twice: Buffer.from('one') } },
    ]);
    expect(of(1)).toEqual([{ partition: 1, offset: 0, key: Buffer.from('b'), value: Buffer.from('{"id":1}'), headers: {} }]);
    await subscription.stop();
  });

  it('gives a batch again that was not taken', async () => {
    let attempts = 0;
    const seen: number[] = [];
    await openLog('ingestion').subscribeUpstream({
      group: 'ingestion.again', topic: 'upstream.shop', positionOf: async () => 0,
      async onBatch({ partition, records: batch }) {
        if (partition === 1 && (attempts += 1) < 3) throw new Error('the effect did not commit');
        if (partition === 1) seen.push(...batch.map(({ offset }) => offset));
      },
    });
    await eventually('it was taken', () => seen.length === 1, 20_000);
    expect({ attempts, seen }).toEqual({ attempts: 3, seen: [0] });
  });

  it('says that a topic is not there', async () => {
    await expect(openLog('ingestion').subscribeUpstream({ group: 'ingestion.nothing', topic: 'upstream.nothing', positionOf: async () => 0, onBatch: async () => undefined }))
      .rejects.toMatchObject({ code: 'not_found' });
  });
});
