import { eventNamed, events, invalid, type EventName, type TopicName } from '@rhei/contracts';
import type { DeadLetterClass } from './dead-letters';
import type { Delivered } from './delivered';
import type { StoredEntry } from './event-log';
import { reasonOf } from './failure';
import { fromTimeHeader } from './instant-header';

/** Why an entry can never be applied by this version, or was not after all its attempts. */
export interface Death {
  class: DeadLetterClass;
  reason: string;
  attempts: number;
  /** System time, µs. */
  firstFailure: number;
  /** Whether the later events of the key wait. */
  parks: boolean;
}

/** An entry of a batch and what is to be done about it. */
export interface Incoming {
  entry: StoredEntry;
  id: string;
  type: string;
  event?: Delivered;
  death?: Death;
}

/** Finds out what an entry is: an event to handle, one of a type that this service does not hear (neither event nor death), or a dead one. */
export function readEntry(entry: StoredEntry, topic: TopicName, partition: number, heard: (type: string) => boolean): Incoming {
  const type = entry.headers['ce_type'] ?? '';
  const id = entry.headers['ce_id'] ?? `${topic}/${partition}/${entry.offset}`;
  const name = eventNamed(type);
  // The service cannot tell whether it would have to hear it. Events of the types it knows go on: a newer producer must not stop an older consumer.
  if (!name) return { entry, id, type, death: dead('unknown-type', `Event type "${type}" is not known to this version.`, false) };
  if (!heard(type)) return { entry, id, type };
  try {
    return { entry, id, type, event: decoded(entry, id, type, name, topic, partition) };
  } catch (error) {
    return { entry, id, type, death: dead('undecodable', `Event "${name}" cannot be read: ${reasonOf(error)}`, true) };
  }
}

function decoded(entry: StoredEntry, id: string, type: string, name: EventName, topic: TopicName, partition: number): Delivered {
  const { headers, key, offset, value } = entry;
  if (headers['ce_id'] === undefined) throw invalid('header ce_id is missing');
  const time = fromTimeHeader(headers['ce_time'] ?? '');
  if (time === undefined) throw invalid(`header ce_time is "${headers['ce_time']}": expected RFC 3339 in UTC with up to six decimals`);
  const payload = events[name].codec.decode(value) as Delivered['payload'];
  return { id, type, name, key, time, topic, partition, offset, headers, traceparent: headers['traceparent'], payload };
}

const dead = (kind: DeadLetterClass, reason: string, parks: boolean): Death => ({ class: kind, reason, attempts: 1, firstFailure: Date.now() * 1000, parks });

/** The topics on which these event types stand. Errors: `invalid` for a type that topics.ts does not have. */
export function topicsOf(types: Iterable<string>): TopicName[] {
  const found = new Set<TopicName>();
  for (const type of types) {
    const name = eventNamed(type);
    if (!name) throw invalid(`A handler is given for event type "${type}": expected a type of topics.ts, such as ${Object.values(events)[0].type}.`);
    found.add(events[name].topic);
  }
  return [...found];
}
