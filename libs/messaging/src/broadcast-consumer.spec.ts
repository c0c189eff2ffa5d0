import { events, registry } from '@rhei/contracts';
import { eventually } from '@rhei/testing';
import { anEntry, KeptLogger } from '../spec/open-log';
import { BroadcastConsumer } from './broadcast-consumer';
import type { Delivered } from './delivered';
import type { BroadcastSubscriptionOptions, Entry, EventLog } from './event-log';

const models = 'registry.models' as const;
const { ModelVersionPromoted } = events;

describe('a broadcast consumer', () => {
  let consumer: BroadcastConsumer;
  let options: BroadcastSubscriptionOptions;
  let offset: number;
  const logger = new KeptLogger();
  const start = async (handle: (event: Delivered<'ModelVersionPromoted'>) => Promise<void>) => {
    offset = 10;
    const log = { subscribeBroadcast: async (given: BroadcastSubscriptionOptions) => {
      options = given;
      return { positions: () => [{ topic: models, partition: 0, position: offset }], stop: async () => undefined };
    } };
    consumer = new BroadcastConsumer({ service: 'serving', group: 'serving.live', log: log as unknown as EventLog, logger, handlers: new Map([[ModelVersionPromoted.type, handle]]) });
    await consumer.start();
  };
  const deliver = async (...entries: Entry[]) => {
    const first = offset;
    await options.onBatch({ topic: models, partition: 0, entries: entries.map((entry, i) => ({ ...entry, offset: first + i })) });
    offset = first + entries.length;
  };
  const promoted = (model: string, version: number) =>
    anEntry('ModelVersionPromoted', model, Buffer.from(registry.ModelVersionPromoted.encode(registry.ModelVersionPromoted.fromPartial({ model, version })).finish()));
  afterEach(() => consumer.stop());

  it('applies events in order and skips what the service does not hear', async () => {
    const seen: string[] = [];
    await start(async ({ key, payload }) => void seen.push(`${key}${payload.version}`));
    await deliver(promoted('a', 1), anEntry('ModelApplied', 'a'), promoted('a', 2), promoted('b', 1));
    expect(seen).toEqual(['a1', 'a2', 'b1']);
    expect(consumer.counters).toMatchObject({ handled: 3, skipped: 1 });
  });

  it('repeats what failed until it succeeds; its key waits in order, other keys overtake', async () => {
    const seen: string[] = [];
    let broken = true;
    await start(async ({ key, payload }) => {
      if (key === 'a' && broken) throw new Error('the model could not be fetched');
      seen.push(`${key}${payload.version}`);
    });
    await deliver(promoted('a', 1), promoted('b', 1), promoted('a', 2));
    await deliver(promoted('b', 2));
    expect(seen).toEqual(['b1', 'b2']);
    expect(consumer.failing()).toMatchObject([{ topic: models, key: 'a', offset: 10, reason: 'the model could not be fetched' }]);
    expect(consumer.positions()).toEqual([{ topic: models, partition: 0, position: 10 }]);
    broken = false;
    await eventually('the key is mended', () => consumer.failing().length === 0);
    expect(seen).toEqual(['b1', 'b2', 'a1', 'a2']);
    expect(consumer.positions()).toEqual([{ topic: models, partition: 0, position: 14 }]);
  });

  it('says what it cannot read, and goes on', async () => {
    const seen: string[] = [];
    await start(async ({ key }) => void seen.push(key));
    await deliver(anEntry('ModelVersionPromoted', 'a', Buffer.from([0x0a, 0xff])), promoted('b', 1));
    expect(seen).toEqual(['b']);
    expect(consumer.counters.dead).toBe(1);
    expect(logger.lines.at(-1)).toMatchObject({ level: 'error', message: 'event cannot be applied by this version' });
  });

  it('stops while a key still fails', async () => {
    await start(async () => { throw new Error('never'); });
    await deliver(promoted('a', 1));
    await consumer.stop();
    expect(consumer.failing()).toHaveLength(1);
  });
});
