import { anEntry, KeptLogger } from '../spec/open-log';
import type { Owned, Producer } from './kafka';
import { PartitionProducer } from './kafka-producer';

/** A broker that does with each send what the spec says, and the producer objects that were made for it. */
class FakeBroker {
  stored: string[] = [];
  objects = 0;
  readonly sends: { object: number; ids: string[] }[] = [];
  /** What becomes of the next sends; stored when nothing is said. */
  readonly fates: ('lost' | 'stored but unanswered' | 'elsewhere' | { type: string })[] = [];

  open(): Owned<Producer> {
    const object = (this.objects += 1);
    const client = {
      connect: async () => undefined,
      send: async ({ messages }: { messages: { headers: { ce_id: string } }[] }) => {
        const ids = messages.map(({ headers }) => headers.ce_id);
        this.sends.push({ object, ids });
        const fate = this.fates.shift();
        if (fate === undefined || fate === 'stored but unanswered') this.stored.push(...ids);
        if (fate === 'elsewhere') return [];
        if (typeof fate === 'object') throw Object.assign(new Error(fate.type), { cause: Object.assign(new Error(fate.type), { type: fate.type }) });
        if (fate !== undefined) throw new Error('Request timed out');
        return [{ topicName: 'registry.models', partition: 0, errorCode: 0 }];
      },
    } as unknown as Producer;
    return { client, close: async () => undefined };
  }
}

describe('the producer of one partition', () => {
  let broker: FakeBroker;
  let producer: PartitionProducer;
  const batch = (...ids: string[]) => ids.map((id) => anEntry('ModelApplied', 'm', id, id));
  beforeEach(() => {
    broker = new FakeBroker();
    producer = new PartitionProducer({ topic: 'registry.models', partition: 0, open: () => broker.open(), logger: new KeptLogger() });
  });
  afterEach(() => producer.close());

  it('sends one call after the other, on one object', async () => {
    await Promise.all([producer.append(batch('a')), producer.append(batch('b')), producer.append(batch('c'))]);
    expect(broker.stored).toEqual(['a', 'b', 'c']);
    expect(broker.objects).toBe(1);
  });

  it('sends the batch that failed before any other, on the same object', async () => {
    broker.fates.push('lost');
    const [first, second] = await Promise.allSettled([producer.append(batch('a')), producer.append(batch('b'))]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
    expect(broker.sends).toEqual([{ object: 1, ids: ['a'] }, { object: 1, ids: ['a'] }, { object: 1, ids: ['b'] }]);
  });

  it('sends nothing of a call whose turn comes while the one before is still not stored', async () => {
    broker.fates.push('lost', 'lost');
    await expect(producer.append(batch('a'))).rejects.toMatchObject({ code: 'unavailable' });
    await expect(producer.append(batch('b'))).rejects.toMatchObject({ code: 'unavailable' });
    expect(broker.sends.map(({ ids }) => ids.join())).toEqual(['a', 'a']);
  });

  it('does not send a repeated call that was made good meanwhile; the same events again later are sent again', async () => {
    broker.fates.push('lost');
    await expect(producer.append(batch('a'))).rejects.toThrow();
    await producer.append(batch('b'));
    await producer.append(batch('a'));
    expect(broker.stored).toEqual(['a', 'b']);
    await producer.append(batch('a'));
    expect(broker.stored).toEqual(['a', 'b', 'a']);
  });

  it('does not believe an answer that does not name the partition', async () => {
    broker.fates.push('elsewhere');
    await expect(producer.append(batch('a'))).rejects.toThrow('does not name the partition');
    await producer.append(batch('a'));
    expect(broker.stored).toEqual(['a']);
  });

  it.each(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH'])('goes on with a new object after %s, the failed batch first', async (type) => {
    broker.fates.push({ type });
    await expect(producer.append(batch('a'))).rejects.toThrow();
    await producer.append(batch('b'));
    expect(broker.sends).toEqual([{ object: 1, ids: ['a'] }, { object: 2, ids: ['a'] }, { object: 2, ids: ['b'] }]);
  });

  it.each([['MESSAGE_TOO_LARGE', 'too_large'], ['TOPIC_AUTHORIZATION_FAILED', 'forbidden']])('does not hold others back with what was refused (%s)', async (type, code) => {
    broker.fates.push({ type });
    await expect(producer.append(batch('a'))).rejects.toMatchObject({ code });
    await producer.append(batch('b'));
    expect(broker.sends).toEqual([{ object: 1, ids: ['a'] }, { object: 1, ids: ['b'] }]);
  });

  it('says that it is closed', async () => {
    await producer.close();
    await expect(producer.append(batch('a'))).rejects.toMatchObject({ code: 'unavailable' });
  });
});
