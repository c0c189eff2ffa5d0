import { events, invalid, topics, type EventName, type TopicName } from '@rhei/contracts';

/** FNV-1a over the UTF-8 bytes, 32 bits: the same in every language, so that a producer elsewhere can find a key's partition. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    // Plain ASCII is its own bytes, as almost every key is.
    if (code > 127) return hashOf(Buffer.from(text, 'utf8'));
    hash = Math.imul(hash ^ code, 0x01000193);
  }
  return hash >>> 0;
}

function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The shard that a key belongs to: the partition of the topic in which its events stand. */
export function shardOf(topic: TopicName, key: string): number {
  return fnv1a(key) % topics[topic].partitions;
}

/**
 * The partition for an event with this key. On a topic whose key is a shard the key is the partition's number.
 * Errors: `invalid` when that number is no partition of the topic.
 */
export function partitionOf(eventName: EventName, key: string | number): number {
  const { topic, key: meaning } = events[eventName];
  if (meaning !== 'shard') return shardOf(topic, String(key));
  const partition = Number(key);
  const { partitions } = topics[topic];
  if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return partition;
  throw invalid(`Event "${eventName}" is keyed by shard: expected a whole number from 0 to ${partitions - 1}, got "${key}". Use shardOf('${topic}', key).`);
}
