import { eventually } from '@rhei/testing';
import { KafkaCluster } from '../spec/kafka-cluster';
import { anEntry, KeptLogger } from '../spec/open-log';
import { TcpProxy, type Fault } from '../spec/tcp-proxy';
import { applyTopics } from './apply-topics';
import type { Entry, EventLog } from './event-log';
import { KafkaEventLog } from './kafka-event-log';

const models = 'registry.models' as const;
const logger = new KeptLogger();
const opened: KafkaEventLog[] = [];
const openLog = (url: string): KafkaEventLog => {
  const log = new KafkaEventLog({ url, service: 'registry', logger, onFatal: () => undefined });
  opened.push(log);
  return log;
};
afterEach(() => Promise.all(opened.splice(0).map((log) => log.close())));

let count = 0;
const batchOf = (size: number): Entry[] => Array.from({ length: size }, () => anEntry('ModelApplied', 'm', `value ${(count += 1)}`, `n-${String(count).padStart(7, '0')}`));

/** As the relay does: the identical batch again until it is stored. Returns the ids that were acknowledged. */
async function keepAppending(log: EventLog, until: () => boolean, before: (round: number) => Promise<void> | void): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let round = 0; !until(); round++) {
    await before(round);
    const batch = batchOf(1 + (round % 7));
    for (;;) {
      try {
        await log.append(models, 0, batch);
        break;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    acknowledged.push(...batch.map(({ headers }) => headers['ce_id']));
  }
  return acknowledged;
}

/** Everything from `start` on, in the order of the log. */
async function readFrom(log: EventLog, start: number): Promise<string[]> {
  const seen: string[] = [];
  const subscription = await log.subscribeShared({
    group: `registry.reader-${(count += 1)}`, topics: [models], positionOf: async () => start,
    onBatch: async ({ entries }) => void seen.push(...entries.map(({ headers }) => headers['ce_id'])),
  });
  const [head] = await log.heads(models);
  await eventually('all was read', () => subscription.positions()[0]?.position === head, 30_000);
  await subscription.stop();
  return seen;
}

function judge(acknowledged: string[], stored: string[]): { lost: number; twice: number; outOfOrder: number } {
  const firsts = [...new Set(stored)];
  const there = new Set(stored);
  return {
    lost: acknowledged.filter((id) => !there.has(id)).length,
    twice: stored.length - firsts.length,
    // Ids count up in the order of saying.
    outOfOrder: firsts.filter((id, i) => i > 0 && id < firsts[i - 1]).length,
  };
}

describe('appends through a network that loses answers', () => {
  let proxy: TcpProxy;
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await KafkaCluster.start({ advertise: async (port) => (proxy = await TcpProxy.start(port)).port });
    await applyTopics({ url: cluster.url() });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    await proxy?.stop();
  });

  const trial = async (query: string, fault: Fault, times: number) => {
    const log = openLog(cluster.url('', query));
    const [start] = await log.heads(models);
    proxy.spoiled = 0;
    const acknowledged = await keepAppending(log, () => proxy.spoiled >= times, (round) => {
      if (round % 20 === 10) proxy.spoil(fault);
    });
    acknowledged.push(...(await keepAppending(log, () => count % 100 === 0, () => undefined)));
    return judge(acknowledged, await readFrom(log, start));
  };

  it.each<[Fault, number]>([['drop', 6], ['cut', 10], ['stall', 3]])('after %s: nothing is lost, doubled or out of order', async (fault, times) => {
    expect(await trial('', fault, times)).toEqual({ lost: 0, twice: 0, outOfOrder: 0 });
  }, 60_000);

  it.each<[Fault, number]>([['drop', 3], ['cut', 5], ['stall', 1]])('after %s without idempotence: nothing is lost or out of order, and the inbox has copies to find', async (fault, times) => {
    const { lost, twice, outOfOrder } = await trial('idempotent=false', fault, times);
    expect({ lost, outOfOrder }).toEqual({ lost: 0, outOfOrder: 0 });
    expect(twice).toBeGreaterThan(0);
  }, 60_000);

  it('puts the batch that failed first, whoever appends next', async () => {
    const log = openLog(cluster.url());
    const [start] = await log.heads(models);
    await log.append(models, 0, batchOf(1));
    const [unsure, next] = [batchOf(3), batchOf(3)];
    // All attempts of one call: the first answer is lost, then the broker is not to be reached in time.
    proxy.spoil('stall');
    await expect(log.append(models, 0, unsure)).rejects.toMatchObject({ code: 'unavailable' });
    await eventually('another caller got through', () => log.append(models, 0, next).then(() => true), 15_000);
    await log.append(models, 0, unsure);
    const stored = await readFrom(log, start + 1);
    expect(stored).toEqual([...unsure, ...next].map(({ headers }) => headers['ce_id']));
  }, 30_000);
});

describe('appends while brokers are killed', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await KafkaCluster.start({ brokers: 3 });
    await applyTopics({ url: cluster.url() });
  }, 120_000);
  afterAll(() => cluster?.stop());

  it('lose nothing, double nothing and keep their order when the leader dies twice', async () => {
    const log = openLog(cluster.url());
    let kills = 0;
    let round = 0;
    let killedAt = 0;
    const acknowledged = await keepAppending(log, () => kills === 2 && round > killedAt + 300, async () => {
      round += 1;
      if (kills < 2 && round === killedAt + 300) {
        killedAt = round;
        kills += 1;
        const leader = await cluster.leaderOf(models, 0);
        await cluster.kill(leader);
        // It comes back while the others go on.
        setTimeout(() => void cluster.begin(leader).catch(() => undefined), 2_000);
      }
      if (kills > 0 && round === killedAt + 150) await new Promise((resolve) => setTimeout(resolve, 4_000));
    });
    expect(kills).toBe(2);
    expect(judge(acknowledged, await readFrom(log, 0))).toEqual({ lost: 0, twice: 0, outOfOrder: 0 });
  }, 120_000);
});
