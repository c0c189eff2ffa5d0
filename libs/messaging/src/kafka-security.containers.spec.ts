import { events, topics, type ServiceName, type TopicName } from '@rhei/contracts';
import { eventually } from '@rhei/testing';
import { sendPlainly } from '../spec/kafka-client';
import { KafkaCluster } from '../spec/kafka-cluster';
import { anEntry, KeptLogger } from '../spec/open-log';
import { applyTopics } from './apply-topics';
import { KafkaEventLog } from './kafka-event-log';

const models = 'registry.models' as const;
jest.setTimeout(60_000);

describe('a broker that knows its users', () => {
  let cluster: KafkaCluster;
  const logger = new KeptLogger();
  const opened: KafkaEventLog[] = [];
  const passwords: Record<string, string> = { admin: 'admin-only', registry: 'registry-only', feature: 'feature-only', ingestion: 'ingestion-only', shop: 'shop-only', till: 'till-only' };
  const urlOf = (user: string, more: { password?: string; sasl?: string; tls?: boolean } = {}) =>
    cluster.url(`${user}:${encodeURIComponent(more.password ?? passwords[user])}`, `sasl=${more.sasl ?? 'plain'}${more.tls === false ? '' : `&tls=true&ca=${encodeURIComponent(cluster.ca)}`}&session=3000`);
  const openLog = (service: ServiceName, url: string): KafkaEventLog => {
    const log = new KafkaEventLog({ url, service, logger, onFatal: () => undefined });
    opened.push(log);
    return log;
  };
  beforeAll(async () => {
    cluster = await KafkaCluster.start({ users: passwords });
    await Promise.all([cluster.addScramUser('SCRAM-SHA-512', 'training', 'a/b@c: 512'), cluster.addScramUser('SCRAM-SHA-256', 'monitoring', 'only-256')]);
    const applied = await applyTopics({ url: urlOf('admin'), acls: true, upstream: [{ name: 'upstream.shop', writers: ['shop'] }, { name: 'upstream.till', writers: ['till'] }] });
    expect(applied.created).toHaveLength(Object.keys(topics).length + 2);
  }, 120_000);
  afterAll(() => cluster?.stop());
  afterEach(() => Promise.all(opened.splice(0).map((log) => log.close())));

  it('lets a service in by PLAIN and both kinds of SCRAM over TLS, whatever is in its password', async () => {
    await openLog('feature', urlOf('feature')).ready();
    await openLog('training', urlOf('training', { sasl: 'scram-sha-512', password: 'a/b@c: 512' })).ready();
    await openLog('monitoring', urlOf('monitoring', { sasl: 'scram-sha-256', password: 'only-256' })).ready();
  });

  it('lets in nobody with a wrong password, and does not wait for it to become right', async () => {
    for (const sasl of ['plain', 'scram-sha-512']) {
      const refused = openLog('feature', urlOf('feature', { password: 'wrong', sasl })).ready();
      await expect(refused).rejects.toMatchObject({ code: 'forbidden', message: expect.stringMatching(/Check the user and password of EVENT_LOG/) });
      await expect(refused).rejects.toMatchObject({ message: expect.not.stringContaining('wrong') });
    }
  });

  it('lets a service write what it says, and refuses the rest at the broker too', async () => {
    await openLog('registry', urlOf('registry')).append(models, 0, [anEntry('ModelApplied', 'm')]);
    // One that takes itself for the registry still has its own user.
    await expect(openLog('registry', urlOf('feature')).append(models, 0, [anEntry('ModelApplied', 'm')])).rejects.toMatchObject({ code: 'forbidden' });
    await expect(openLog('registry', urlOf('shop')).append(models, 0, [anEntry('ModelApplied', 'm')])).rejects.toMatchObject({ code: expect.stringMatching(/forbidden|not_found/) });
  });

  it('lets a service read what it hears in groups of its own, and nothing else', async () => {
    const seen: string[] = [];
    const read = (service: ServiceName, group: string, topic: TopicName) => openLog(service, urlOf('feature')).subscribeShared({
      group, topics: [topic], positionOf: async () => 0, onBatch: async ({ entries }) => void seen.push(...entries.map(({ headers }) => headers['ce_type'])),
    });
    await openLog('ingestion', urlOf('ingestion')).append('ingestion.sources', 0, [anEntry('SourceApplied', 's')]);
    await read('feature', 'feature', 'ingestion.sources');
    await eventually('it was read', () => seen.includes(events.SourceApplied.type), 20_000);
    await read('feature', 'feature.on-record-accepted', 'ingestion.records');
    // Another's group is refused when it is joined, and another's topic when it is read: the consumer says so, and goes on asking.
    logger.lines.length = 0;
    await read('feature', 'training', 'ingestion.sources').catch(() => undefined);
    await eventually('it is told', () => logger.lines.some(({ level, about }) => level === 'warn' && JSON.stringify(about).includes('refuses the group to this user')), 20_000);
    await read('feature', 'feature.other', 'training.runs').catch(() => undefined);
    await eventually('it is told', () => logger.lines.some(({ level, about }) => level === 'error' && JSON.stringify(about).includes('Not authorized to access topic')), 20_000);
  });

  it('lets a source write its own topic and no other, so that nobody speaks in its name', async () => {
    await sendPlainly(urlOf('shop'), 'upstream.shop', [{ key: 'a', value: 'mine' }]);
    await expect(sendPlainly(urlOf('till'), 'upstream.shop', [{ key: 'a', value: 'forged' }])).rejects.toThrow();
    await expect(sendPlainly(urlOf('shop'), models, [{ key: 'a', value: 'forged' }])).rejects.toThrow();
    await expect(sendPlainly(urlOf('ingestion'), 'upstream.shop', [{ key: 'a', value: 'forged' }])).rejects.toThrow();
    const seen: string[] = [];
    await openLog('ingestion', urlOf('ingestion')).subscribeUpstream({
      group: 'ingestion.upstream.shop', topic: 'upstream.shop', positionOf: async () => 0, onBatch: async ({ records }) => void seen.push(...records.map(({ value }) => String(Buffer.from(value!)))),
    });
    await eventually('it was read', () => seen.length > 0, 20_000);
    expect(seen).toEqual(['mine']);
  });

  it('speaks to nobody without TLS, nor to one whose certificate is not known', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 5_000);
    const open = (url: string) => openLog('feature', url);
    await open(urlOf('feature', { tls: false })).ready(stop.signal);
    await open(cluster.url('feature:feature-only', 'sasl=plain&tls=true')).ready(stop.signal);
    // Both waited in vain until they were told to stop.
    expect(stop.signal.aborted).toBe(true);
    await expect(open(urlOf('feature', { tls: false })).heads(models)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(open(cluster.url('feature:feature-only', 'sasl=plain&tls=true')).heads(models)).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('self-signed certificate') });
  });
});
