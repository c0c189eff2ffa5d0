import { isUtf8 } from 'node:buffer';
import { RheiError } from '@rhei/contracts';
import type { UpstreamRecord } from '@rhei/messaging';
import { noEvent as noEventBy, readBinary } from './binary-mode';
import { isTraceparent, readCloudEvent, show, type CloudEvent } from './cloud-event';
import { readBody } from './event-body';

/** A record of a topic, read as a CloudEvent by the Kafka protocol binding; `fault` says why it is none. */
export interface KafkaEvent {
  event?: CloudEvent;
  /** As structured mode has it, event or not; undefined where it cannot be read at all. */
  value?: unknown;
  fault?: RheiError;
  /** What it says about itself, event or not. */
  named: { source?: string; id?: string; type?: string };
  /** The value as it was sent; empty when there was none. */
  original: Buffer;
  /** The trace of the hop, from the plain header; the event's own is an attribute. */
  traceparent?: string;
}

const prefix = 'ce_';
const noEvent = noEventBy('on Kafka');

/**
 * Reads a record in structured mode (the content type begins with `application/cloudevents`) or binary mode (any other, or
 * none: attributes in headers `ce_…`, data in the value). Never throws: whatever is wrong with it is its `fault`.
 */
export function readKafkaEvent({ headers, value }: Pick<UpstreamRecord, 'headers' | 'value'>): KafkaEvent {
  const original = Buffer.from(value ?? []);
  const traceparent = readTraceparent(headers);
  const hop = traceparent === undefined ? {} : { traceparent };
  let attributes: unknown;
  try {
    attributes = contentTypeOf(headers).startsWith('application/cloudevents') ? structured(contentTypeOf(headers), value === null ? undefined : original) : binaryMode(headers, value === null ? undefined : original);
    return { event: readCloudEvent(attributes), value: attributes, named: namesIn(attributes), original, ...hop };
  } catch (error) {
    if (!(error instanceof RheiError)) throw error;
    return { fault: error, value: attributes, named: namesIn(attributes ?? headerTexts(headers)), original, ...hop };
  }
}

/** The trace of the hop, where the header holds one. */
export function readTraceparent(headers: Record<string, Uint8Array>): string | undefined {
  const text = textOf(headers['traceparent']);
  return text !== undefined && isTraceparent(text) ? text : undefined;
}

/** Lower case, with what follows the media type. Empty when there is none. */
function contentTypeOf(headers: Record<string, Uint8Array>): string {
  const name = Object.keys(headers).find((key) => key.toLowerCase() === 'content-type');
  return name === undefined ? '' : (textOf(headers[name]) ?? '').trim().toLowerCase();
}

function structured(contentType: string, value: Buffer | undefined): unknown {
  const media = contentType.split(';')[0].trim();
  if (media !== 'application/cloudevents+json') {
    throw noEvent('content-type', 'a record of a topic holds one event in JSON', 'application/cloudevents+json', show(media), 'Kafka has no batches: send each event as a record of its own.');
  }
  if (value === undefined) throw noEvent('value', 'in structured mode the event stands there', 'a CloudEvent in JSON', 'nothing');
  const { events: [event] } = readBody(value, media);
  if (event.fault !== undefined) throw event.fault;
  return event.value;
}

function binaryMode(headers: Record<string, Uint8Array>, value: Buffer | undefined): unknown {
  const names = Object.keys(headers).filter((name) => name.startsWith(prefix));
  if (names.length === 0) {
    throw noEvent('headers', 'none begins with "ce_", and the content type does not say that the event stands in the value', 'ce_id, ce_source, ce_type and ce_specversion, or content-type application/cloudevents+json', Object.keys(headers).join(', ') || 'no headers');
  }
  const attributes = Object.fromEntries(names.map((name) => [name.slice(prefix.length), attribute(name, headers[name])]));
  return readBinary({ prefix, attributes, contentType: contentTypeOf(headers), value, fault: noEvent });
}

function attribute(name: string, bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (text === undefined) throw noEvent(name, 'a header of an event is text', 'UTF-8', `${Buffer.from(bytes).toString('hex').slice(0, 40)} in hex`);
  return text;
}

const textOf = (bytes: Uint8Array | undefined): string | undefined => (bytes !== undefined && isUtf8(bytes) ? Buffer.from(bytes).toString('utf8') : undefined);

const headerTexts = (headers: Record<string, Uint8Array>): Record<string, string | undefined> =>
  Object.fromEntries(Object.keys(headers).filter((name) => name.startsWith(prefix)).map((name) => [name.slice(prefix.length), textOf(headers[name])]));

/** Only what could be stored: a name that could not is as good as none. */
function namesIn(value: unknown): KafkaEvent['named'] {
  const { source, id, type } = Object(value) as Record<string, unknown>;
  const usable = (text: unknown): text is string => typeof text === 'string' && text.length <= 256 && !/[\p{Cc}\p{Cs}]/u.test(text);
  return { ...(usable(source) && { source }), ...(usable(id) && { id }), ...(usable(type) && { type }) };
}
