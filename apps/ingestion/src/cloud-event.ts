import { invalid, type RheiError } from '@rhei/contracts';
import { canonicalJson, formatInstant, parseInstant, sha256, type Instant } from '@rhei/expressions';

/** What this service reads of a CloudEvent 1.0 in JSON (structured mode). */
export interface CloudEvent {
  source: string;
  id: string;
  type: string;
  subject?: string;
  time?: Instant;
  data?: unknown;
  /** The distributed tracing extension: the trace in which the event was born. */
  traceparent?: string;
  /** Canonical JSON of `data`; empty when there is none. */
  dataJson: string;
  /** SHA-256 over what the event says: source, id, type, time, subject and data. Extensions and the notation of `time` do not count. */
  digest: string;
}

/**
 * Reads a parsed JSON value as a CloudEvent.
 * @throws RheiError `invalid` that names the attribute that is missing or wrong
 */
export function readCloudEvent(value: unknown): CloudEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw noEvent('event', 'a CloudEvent is a JSON object', 'an object', show(value));
  }
  const event = value as Record<string, unknown>;
  if (event.specversion !== '1.0') {
    throw noEvent('specversion', 'it says which CloudEvents it follows', '"1.0"', show(event.specversion), 'Send structured mode: attributes and data in one JSON object.');
  }
  for (const name of Object.keys(event)) checkAttribute(name, event[name]);
  const source = required(event, 'source', 256);
  const id = required(event, 'id', 256);
  const type = required(event, 'type', 256);
  const subject = optional(event, 'subject', 1_024);
  const time = readTime(optional(event, 'time', 64));
  const traceparent = optional(event, 'traceparent', 256);
  const dataJson = event.data === undefined ? '' : canonicalData(event.data);
  // "data" sorts before all other names, so the content's canonical JSON can be put together without writing data twice.
  const attributes = canonicalJson({ id, source, subject, time: time === undefined ? undefined : formatInstant(time), type });
  const content = dataJson === '' ? attributes : `{"data":${dataJson},${attributes.slice(1)}`;
  return {
    source, id, type, subject, time, data: event.data, dataJson, digest: sha256(content),
    traceparent: traceparent !== undefined && isTraceparent(traceparent) ? traceparent : undefined,
  };
}

export const isTraceparent = (text: string): boolean => /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(text);

function checkAttribute(name: string, value: unknown): void {
  if (name === 'data') return;
  if (name === 'data_base64') throw noEvent(name, 'binary data cannot be held to a contract', 'JSON in "data"', 'data_base64');
  if (!/^[a-z0-9]+$/.test(name)) throw noEvent(name, 'it is no name of an attribute', 'lower-case letters and digits', show(name), 'What the event says belongs into "data".');
  if (name === 'datacontenttype' && value !== null && !/^[\w.+-]+\/(?:[\w.-]+\+)?json(?:\s*;|$)/i.test(String(value))) {
    throw noEvent(name, 'only JSON can be held to a contract', 'application/json', show(value));
  }
  const scalar = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value);
  if (!scalar) throw noEvent(name, 'an attribute holds one plain value', 'a string, a boolean or a whole number', show(value));
}

function required(event: Record<string, unknown>, name: string, longest: number): string {
  const text = optional(event, name, longest);
  if (text === undefined) throw noEvent(name, 'it is required', 'a text', 'nothing');
  return text;
}

function optional(event: Record<string, unknown>, name: string, longest: number): string | undefined {
  const value = Object.hasOwn(event, name) ? event[name] : undefined;
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value === '') throw noEvent(name, 'it has the wrong type', 'a text that is not empty', show(value));
  if (value.length > longest) throw noEvent(name, 'it is too long', `at most ${longest} characters`, `${value.length}`);
  if (!/^[ -~]*$/.test(value) && /[\p{Cc}\p{Cs}]/u.test(value)) throw noEvent(name, 'it holds a control character or half a surrogate pair', 'printable text', show(value));
  return value;
}

function readTime(text: string | undefined): Instant | undefined {
  if (text === undefined) return undefined;
  try {
    return parseInstant(text);
  } catch (error) {
    throw noEvent('time', (error as Error).message.replace(/^Instant /, '').replace(/\. Write .*$/, ''), 'RFC 3339, such as "2001-03-04T05:06:07Z"', show(text));
  }
}

function canonicalData(data: unknown): string {
  let text: string;
  try {
    text = canonicalJson(data);
  } catch (error) {
    throw noEvent('data', (error as Error).message.replace(/^\$/, 'data'), 'finite numbers and whole Unicode characters', undefined);
  }
  // PostgreSQL keeps no NUL in JSON. An even number of backslashes before it would make it a plain text.
  if (text.includes('\\u0000') && /(?<!\\)(?:\\\\)*\\u0000/.test(text)) {
    throw noEvent('data', 'it holds the character U+0000', 'text without NUL', '\\u0000');
  }
  return text;
}

const noEvent = (field: string, why: string, expected: string, got: string | undefined, hint?: string): RheiError =>
  invalid(`This is no CloudEvent 1.0: ${field}: ${why}; expected ${expected}${got === undefined ? '' : `, got ${got}`}.${hint === undefined ? '' : ` ${hint}`}`, { field, expected, got, hint });

/** A value as an error shows it: JSON, cut to a readable length. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
