import { events, type EventName, type ServiceName, type TopicName } from '@rhei/contracts';
import { eventually } from '@rhei/testing';
import type { Batch, Entry, EventLog, Subscription } from './event-log';

/** What the suite needs of an adapter: members that connect to one log, each as a process of `service` would. */
export interface LogUnderTest {
  connect(service: ServiceName): EventLog;
  close(): Promise<void>;
}

/** One partition; said by registry. */
const models = 'registry.models' as const;
/** Two partitions; said by ingestion. */
const records = 'ingestion.records' as const;

/** What an event log must do for the services to be right: the manual of the port, held against each adapter. */
export const eventLogContract = (open: () => Promise<LogUnderTest>): void => {
  let log: LogUnderTest;
  let subscriptions: Subscription[];
  beforeAll(async () => {
    log = await open();
  });
  afterAll(() => log.close());
  beforeEach(() => (subscriptions = []));
  afterEach(() => Promise.all(subscriptions.map((subscription) => subscription.stop())));

  /** Members of a group keep their positions in one place, as the replicas of a service do in its database. */
  const aGroup = (topics: TopicName[], start?: Map<string, number>) => {
    const group = `group-${(groups += 1)}`;
    const positions = start ?? new Map<string, number>();
    const join = async (onBatch: (batch: Batch) => Promise<void> | void, service: ServiceName = 'feature'): Promise<Subscription> => {
      const member = await log.connect(service).subscribeShared({
        group,
        topics,
        positionOf: async (topic, partition) => positions.get(`${topic}/${partition}`) ?? 0,
        async onBatch(batch) {
          await onBatch(batch);
          positions.set(`${batch.topic}/${batch.partition}`, batch.entries.at(-1)!.offset + 1);
        },
      });
      subscriptions.push(member);
      return member;
    };
    return { join, positions };
  };
  const headsAt = async (topics: TopicName[]): Promise<Map<string, number>> => {
    const reader = log.connect('feature');
    const heads = await Promise.all(topics.map(async (topic) => (await reader.heads(topic)).map((head, partition) => [`${topic}/${partition}`, head] as const)));
    return new Map(heads.flat());
  };
  const listen = async (topics: TopicName[], onBatch: (batch: Batch) => Promise<void> | void): Promise<Subscription> => {
    const member = await log.connect('serving').subscribeBroadcast({ group: `group-${(groups += 1)}`, topics, onBatch: async (batch) => onBatch(batch) });
    subscriptions.push(member);
    return member;
  };

  describe('appending', () => {
    it('numbers the entries of a partition one by one, whoever appends how many at once', async () => {
      const writers = [log.connect('ingestion'), log.connect('ingestion'), log.connect('ingestion')];
      const group = aGroup([records], await headsAt([records]));
      const start = (await writers[0].heads(records))[0];
      await Promise.all(Array.from({ length: 30 }, (_, i) => writers[i % 3].append(records, 0, many('RecordAccepted', '0', 1 + (i % 4)))));
      const seen: number[] = [];
      await group.join(({ entries }) => void seen.push(...entries.map(({ offset }) => offset)));
      const end = (await writers[0].heads(records))[0];
      await eventually('everything was read', () => seen.length === end - start);
      expect(seen).toEqual(Array.from({ length: end - start }, (_, i) => start + i));
    });

    it('gives bytes, headers and keys back as they came', async () => {
      const odd = { ...entry('ModelApplied', 'schlüssel "1" \\ ,{}'), value: Uint8Array.from({ length: 30_000 }, (_, i) => i % 251) };
      odd.headers = { ...odd.headers, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', empty: '', quoted: `"'{\\}` };
      const empty = { ...entry('ModelApplied', ''), value: new Uint8Array(0) };
      const group = aGroup([models], await headsAt([models]));
      await log.connect('registry').append(models, 0, [odd, empty]);
      const seen: Entry[] = [];
      await group.join(({ entries }) => void seen.push(...entries.map(({ key, headers, value }) => ({ key, headers, value: Uint8Array.from(value) }))));
      await eventually('both were read', () => seen.length === 2);
      expect(seen).toEqual([odd, empty]);
    });

    it('is known by the heads at once, in every process', async () => {
      const [first, second] = [log.connect('ingestion'), log.connect('monitoring')];
      const before = await second.heads(records);
      await first.append(records, 1, many('ArrivalsClosed', '1', 3));
      expect(await first.heads(records)).toEqual([before[0], before[1] + 3]);
      expect(await second.heads(records)).toEqual([before[0], before[1] + 3]);
    });

    it('refuses an event that the service may not say there, and names both', async () => {
      await expect(log.connect('serving').append(models, 0, [entry('ModelApplied', 'm')])).rejects.toThrow(/serving.*registry\.models|registry\.models.*serving/);
      await expect(log.connect('registry').append(models, 0, [entry('RunCompleted', 'm')])).rejects.toThrow(events.RunCompleted.type);
    });

    it('refuses a partition that is not there, and stores nothing of the call', async () => {
      const before = await log.connect('registry').heads(models);
      await expect(log.connect('registry').append(models, 7, [entry('ModelApplied', 'm')])).rejects.toThrow('registry.models/7');
      await expect(log.connect('registry').append(models, 0, [entry('ModelApplied', 'm'), entry('RunCompleted', 'm')])).rejects.toThrow();
      expect(await log.connect('registry').heads(models)).toEqual(before);
    });
  });

  describe('order', () => {
    it('is kept within a partition, across event types', async () => {
      const writer = log.connect('registry');
      const group = aGroup([models], await headsAt([models]));
      const seen: string[] = [];
      await group.join(({ entries }) => void seen.push(...entries.map(({ headers }) => headers['ce_id'])));
      const said: string[] = [];
      for (const [i, name] of (['ModelApplied', 'ModelVersionRegistered', 'ModelVersionPromoted', 'ModelApplied'] as const).entries()) {
        const sent = many(name, 'model', 1 + i);
        said.push(...sent.map(({ headers }) => headers['ce_id']));
        await writer.append(models, 0, sent);
      }
      await eventually('all were read', () => seen.length === said.length);
      expect(seen).toEqual(said);
    });
  });

  describe('a shared subscription', () => {
    it('reads on from the position that the consumer kept', async () => {
      const positions = await headsAt([models]);
      const first = positions.get(`${models}/0`)!;
      await log.connect('registry').append(models, 0, many('ModelApplied', 'm', 5));
      positions.set(`${models}/0`, first + 2);
      const seen: number[] = [];
      await aGroup([models], positions).join(({ entries }) => void seen.push(...entries.map(({ offset }) => offset)));
      await eventually('the rest was read', () => seen.length === 3);
      expect(seen).toEqual([first + 2, first + 3, first + 4]);
    });

    it('gives each entry to one member of the group, and all entries to each group', async () => {
      const writer = log.connect('ingestion');
      const start = await headsAt([records]);
      const [one, other] = [aGroup([records], new Map(start)), aGroup([records], new Map(start))];
      const seen: Record<string, string[]> = { a: [], b: [], other: [] };
      const into = (who: string) => ({ entries }: Batch) => void seen[who].push(...entries.map(({ headers }) => headers['ce_id']));
      await one.join(into('a'));
      await one.join(into('b'));
      await other.join(into('other'));
      const said = [...many('RecordAccepted', '0', 10), ...many('RecordAccepted', '1', 10)];
      for (const one of said) await writer.append(records, Number(one.key), [one]);
      const ids = said.map(({ headers }) => headers['ce_id']).sort();
      await eventually('all were read', () => seen['a'].length + seen['b'].length === 20 && seen['other'].length === 20);
      expect([...seen['a'], ...seen['b']].sort()).toEqual(ids);
      expect(seen['other'].sort()).toEqual(ids);
    });

    it('gives a batch again that was not taken, and nothing of its partition before', async () => {
      const group = aGroup([models], await headsAt([models]));
      const seen: number[][] = [];
      await group.join(({ entries }) => {
        seen.push(entries.map(({ offset }) => offset));
        if (seen.length < 3) throw new Error('the effect did not commit');
      });
      await log.connect('registry').append(models, 0, many('ModelApplied', 'm', 2));
      await eventually('it was taken', () => seen.length === 3);
      expect(new Set(seen.map(([first]) => first)).size).toBe(1);
    });

    it('gives one batch of a partition at a time, and does not hold other partitions back', async () => {
      const group = aGroup([records], await headsAt([records]));
      const busy = { 0: 0, 1: 0, most: 0 };
      let release = () => {};
      const held = new Promise<void>((resolve) => (release = resolve));
      let free = 0;
      await group.join(async ({ partition, entries }) => {
        busy[partition as 0 | 1]++;
        busy.most = Math.max(busy.most, busy[partition as 0 | 1]);
        if (partition === 0) await held;
        else free += entries.length;
        busy[partition as 0 | 1]--;
      });
      const writer = log.connect('ingestion');
      for (let i = 0; i < 5; i++) {
        await writer.append(records, 0, many('RecordAccepted', '0', 1));
        await writer.append(records, 1, many('RecordAccepted', '1', 1));
      }
      await eventually('the free partition was read', () => free === 5);
      expect(busy[0]).toBe(1);
      release();
      await eventually('the held partition was read', async () => group.positions.get(`${records}/0`) === (await writer.heads(records))[0]);
      expect(busy.most).toBe(1);
    });

    it('hands its partitions over when a member stops, after the batch in hand', async () => {
      const writer = log.connect('registry');
      const group = aGroup([models], await headsAt([models]));
      const seen: Record<string, number[]> = { first: [], second: [] };
      const first = await group.join(async ({ entries }) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        seen['first'].push(...entries.map(({ offset }) => offset));
      });
      const second = await group.join(({ entries }) => void seen['second'].push(...entries.map(({ offset }) => offset)));
      await writer.append(models, 0, many('ModelApplied', 'm', 3));
      await eventually('a member is at it', () => first.positions().length + second.positions().length > 0);
      await first.stop();
      await writer.append(models, 0, many('ModelApplied', 'm', 3));
      await eventually('all were read', () => seen['first'].length + seen['second'].length === 6);
      const all = [...seen['first'], ...seen['second']];
      expect(all).toEqual([...all].sort((a, b) => a - b));
      expect(second.positions()).toEqual([{ topic: models, partition: 0, position: (await writer.heads(models))[0] }]);
    });
  });

  describe('a broadcast subscription', () => {
    it('starts at the latest entry and gives everything after it to every member', async () => {
      const writer = log.connect('registry');
      await writer.append(models, 0, many('ModelVersionPromoted', 'before', 2));
      const seen: string[][] = [[], []];
      for (const mine of seen) await listen([models], ({ entries }) => void mine.push(...entries.map(({ key }) => key)));
      for (const key of ['x', 'y', 'x']) await writer.append(models, 0, many('ModelVersionPromoted', key, 1));
      await eventually('both have read', () => seen.every(({ length }) => length === 3));
      expect(seen).toEqual([['x', 'y', 'x'], ['x', 'y', 'x']]);
    });

    it('gives a batch again that was not taken', async () => {
      let failures = 0;
      const seen: string[] = [];
      await listen([models], ({ entries }) => {
        if ((failures += 1) < 3) throw new Error('the model could not be loaded');
        seen.push(...entries.map(({ key }) => key));
      });
      await log.connect('registry').append(models, 0, many('ModelVersionPromoted', 'm', 1));
      await eventually('it was taken', () => seen.length === 1);
    });
  });

  describe('what is not promised', () => {
    it('an entry that is appended twice is delivered twice: the inbox decides', async () => {
      const group = aGroup([models], await headsAt([models]));
      const seen: string[] = [];
      await group.join(({ entries }) => void seen.push(...entries.map(({ headers }) => headers['ce_id'])));
      const same = [entry('ModelApplied', 'm')];
      const writer = log.connect('registry');
      await writer.append(models, 0, same);
      await writer.append(models, 0, same);
      await eventually('both copies were read', () => seen.length === 2);
      expect(seen[0]).toBe(seen[1]);
    });
  });
};

let groups = 0;
let entries = 0;

function entry(name: EventName, key: string): Entry {
  return { key, headers: { ce_id: `entry-${(entries += 1)}`, ce_type: events[name].type, ce_subject: key }, value: Buffer.from(`${name} ${entries}`) };
}
const many = (name: EventName, key: string, count: number): Entry[] => Array.from({ length: count }, () => entry(name, key));
