import type { StoredEntry, UpstreamRecord } from './event-log';
import type { KafkaMessage } from './kafka';

type HeaderValue = Buffer | string | (Buffer | string)[] | undefined;

/**
 * Reads messages of one partition as entries. Most headers say the same from one message to the next: the text that was
 * made of the last value is used again while the bytes are equal, which halves what reading costs.
 */
export function entryReader(): (message: KafkaMessage) => StoredEntry {
  const bytes: Record<string, Buffer | undefined> = {};
  const texts: Record<string, string> = {};
  const textOf = (name: string, value: Buffer): string => {
    const last = bytes[name];
    if (last !== undefined && last.length === value.length && last.compare(value) === 0) return texts[name];
    bytes[name] = value;
    return (texts[name] = value.toString());
  };
  return ({ offset, key, headers, value }) => {
    const read: Record<string, string> = {};
    for (const name in headers) {
      const first = firstOf(headers[name]);
      read[name] = typeof first === 'string' ? first : textOf(name, first);
    }
    return { offset: Number(offset), key: key === null ? '' : textOf('', key), headers: read, value: value ?? Buffer.alloc(0) };
  };
}

/** What somebody else wrote, as it came. */
export function recordOf({ offset, key, headers, value }: KafkaMessage): UpstreamRecord {
  const bytes: Record<string, Uint8Array> = {};
  for (const name in headers) bytes[name] = Buffer.from(firstOf(headers[name]));
  return { offset: Number(offset), key, headers: bytes, value };
}

/** A header may be there several times; its first value counts. */
const firstOf = (value: HeaderValue): Buffer | string => (Array.isArray(value) ? value[0] : value) ?? '';
