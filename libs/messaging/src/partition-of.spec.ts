import { fnv1a, partitionOf, shardOf } from './partition-of';

describe('the partition of a key', () => {
  // Vectors of the authors (draft-eastlake-fnv): whoever publishes from another language finds the same partition.
  it.each([['', 0x811c9dc5], ['a', 0xe40c292c], ['foobar', 0xbf9cf968]])('hashes %p as FNV-1a', (text, hash) => {
    expect(fnv1a(text)).toBe(hash);
  });

  it('hashes the UTF-8 bytes', () => {
    expect(fnv1a('ü')).toBe(fnv1a(Buffer.from([0xc3, 0xbc]).toString('utf8')));
    expect(shardOf('ingestion.records', 'LAX')).toBe(fnv1a('LAX') % 2);
  });

  it('is the number itself on a topic that is keyed by shard', () => {
    expect(partitionOf('RecordAccepted', 1)).toBe(1);
    expect(partitionOf('RecordAccepted', '1')).toBe(1);
    expect(partitionOf('ModelApplied', 'any')).toBe(0);
  });

  it.each([2, -1, 0.5, 'LAX'])('refuses %p as a shard, and says how to get one', (key) => {
    expect(() => partitionOf('RecordAccepted', key)).toThrow(/expected a whole number from 0 to 1, got ".*"\. Use shardOf/);
  });
});
