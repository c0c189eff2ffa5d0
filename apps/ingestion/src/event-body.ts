import { isAscii, isUtf8 } from 'node:buffer';
import { invalid, tooLarge, type RheiError } from '@rhei/contracts';

/** What one request may bring. */
export const limits = { bodyBytes: 4 * 1024 * 1024, events: 1_000, eventBytes: 256 * 1024, depth: 32 } as const;

/** One event of a body with the very bytes that were sent. `fault` says why it is not looked at any further. */
export interface SentEvent {
  bytes: Buffer;
  value?: unknown;
  fault?: RheiError;
  /** In binary mode: what came beside the bytes. */
  headers?: Record<string, Buffer>;
}
export interface EventBody {
  /** An array was sent, so an array is answered. */
  batch: boolean;
  events: SentEvent[];
}

type Expected = 'one' | 'many' | 'either';
const byContentType: Record<string, Expected> = {
  'application/cloudevents+json': 'one',
  'application/cloudevents-batch+json': 'many',
  'application/json': 'either',
};

/**
 * Cuts a request's body into events, before anything else looks at it.
 * @throws RheiError `invalid` where it is no JSON of the announced form, `too_large` where a limit of the whole request is passed
 */
export function readBody(body: Buffer, contentType: string | undefined): EventBody {
  const media = contentType?.split(';')[0].trim().toLowerCase() ?? '';
  const expected = Object.hasOwn(byContentType, media) ? byContentType[media] : undefined;
  if (expected === undefined) {
    throw invalid(`The body's content type is ${JSON.stringify(media)}; expected ${Object.keys(byContentType).join(', ')}, or headers ce-… beside JSON. Send CloudEvents in structured, batched or binary mode.`, {
      field: 'content-type', expected: Object.keys(byContentType).join(', '), got: media,
    });
  }
  if (body.length > limits.bodyBytes) {
    throw tooLarge(`The body has ${body.length} bytes; at most ${limits.bodyBytes} are taken. Send it in parts.`, { expected: `at most ${limits.bodyBytes} bytes`, got: `${body.length}` });
  }
  // Where every character is one byte, an event's text is cut from that of the body, which is read once.
  const text = isAscii(body) ? body.toString('latin1') : undefined;
  if (text === undefined && !isUtf8(body)) throw invalid('The body is not UTF-8; expected JSON in UTF-8.', { expected: 'UTF-8' });
  const { first, elements, end } = scan(body);
  const batch = first === OPEN_ARRAY;
  if (!batch && first !== OPEN_OBJECT) throw notJson(body.length === 0 ? 'it is empty' : 'it is neither an object nor an array', expected);
  if (expected !== 'either' && batch !== (expected === 'many')) {
    throw invalid(`The body holds ${batch ? 'an array' : 'one object'}; ${media} holds ${batch ? 'one object' : 'an array'}. Change the content type or the body.`, {
      field: 'content-type', expected: batch ? 'application/cloudevents-batch+json' : 'application/cloudevents+json', got: media,
    });
  }
  if (end === undefined) throw notJson('a bracket stays open', expected);
  if (body.subarray(end).some((byte) => !isSpace(byte))) throw notJson(`something follows after byte ${end}`, expected);
  if (elements.length > limits.events) {
    throw tooLarge(`The batch has ${elements.length} events; at most ${limits.events} are taken. Send it in parts.`, { expected: `at most ${limits.events} events`, got: `${elements.length}` });
  }
  return { batch, events: elements.map((element, index) => readEvent(body, text, element, batch ? `event ${index} of the batch: ` : '', expected)) };
}

function readEvent(body: Buffer, text: string | undefined, { start, end, depth }: Element, where: string, expected: Expected): SentEvent {
  const bytes = body.subarray(start, end);
  if (bytes.length > limits.eventBytes) {
    return { bytes, fault: tooLarge(`The event has ${bytes.length} bytes; at most ${limits.eventBytes} are taken.`, { expected: `at most ${limits.eventBytes} bytes`, got: `${bytes.length}` }) };
  }
  if (depth > limits.depth) {
    return { bytes, fault: invalid(`The event is nested ${depth} levels deep; at most ${limits.depth} are taken.`, { expected: `at most ${limits.depth} levels`, got: `${depth}` }) };
  }
  try {
    return { bytes, value: JSON.parse(text === undefined ? bytes.toString('utf8') : text.slice(start, end)) };
  } catch (error) {
    throw notJson(`${where}${(error as Error).message}`, expected);
  }
}

/** Reads data that stands alone, as in a record of a topic: any JSON, within the limits of an event. */
export function readData(bytes: Buffer): Pick<SentEvent, 'value' | 'fault'> {
  if (bytes.length > limits.eventBytes) return { fault: tooLarge(`The data has ${bytes.length} bytes; at most ${limits.eventBytes} are taken.`, { expected: `at most ${limits.eventBytes} bytes`, got: `${bytes.length}` }) };
  if (!isUtf8(bytes)) return { fault: invalid('The data is not UTF-8; expected JSON in UTF-8.', { field: 'data', expected: 'UTF-8' }) };
  const { elements, first } = scan(bytes);
  const depth = Math.max(0, ...elements.map((element) => element.depth)) + (first === OPEN_ARRAY ? 1 : 0);
  // In structured mode the event itself is a level.
  const deepest = limits.depth - 1;
  if (depth > deepest) return { fault: invalid(`The data is nested ${depth} levels deep; at most ${deepest} are taken.`, { field: 'data', expected: `at most ${deepest} levels`, got: `${depth}` }) };
  try {
    return { value: JSON.parse(bytes.toString('utf8')) };
  } catch (error) {
    return { fault: invalid(`The data cannot be read as JSON: ${(error as Error).message}. Send JSON, or say another content type.`, { field: 'data', expected: 'JSON' }) };
  }
}

const notJson = (why: string, expected: Expected): RheiError =>
  invalid(`The body cannot be read as JSON: ${why}. Send ${expected === 'many' ? 'an array of CloudEvents' : 'a CloudEvent'} as JSON.`, { expected: 'JSON' });

interface Element {
  start: number;
  end: number;
  /** Levels of nesting, counted from the event itself. */
  depth: number;
}

const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c, OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Finds where the elements of an array (or the one object) start and end, without building anything from them: so the
 * quarantine can keep the bytes as they were sent, and depth is known before a recursive reader sees the text.
 * Whether an element is JSON is left to JSON.parse. `end` is undefined when the first bracket is not closed.
 */
function scan(body: Buffer): { first?: number; elements: Element[]; end?: number } {
  let at = 0;
  while (at < body.length && isSpace(body[at])) at++;
  const first = body[at];
  if (first !== OPEN_ARRAY && first !== OPEN_OBJECT) return { first, elements: [] };
  const outer = first === OPEN_ARRAY ? 1 : 0;
  const elements: Element[] = [];
  let start = at + outer;
  let depth = 0;
  let deepest = 0;
  const close = (end: number): void => {
    elements.push({ start, end, depth: deepest - outer });
    start = end + 1;
    deepest = 0;
  };
  for (; at < body.length; at++) {
    switch (body[at]) {
      case QUOTE:
        for (at++; at < body.length && body[at] !== QUOTE; at++) if (body[at] === BACKSLASH) at++;
        break;
      case OPEN_ARRAY: case OPEN_OBJECT:
        depth++;
        if (depth > deepest) deepest = depth;
        break;
      case CLOSE_ARRAY: case CLOSE_OBJECT:
        depth--;
        if (depth > 0) break;
        if (body[at] !== first + 2) return { first, elements };
        if (outer === 0) close(at + 1);
        else if (elements.length > 0 || body.subarray(start, at).some((byte) => !isSpace(byte))) close(at);
        return { first, elements, end: at + 1 };
      case COMMA:
        if (depth === 1 && outer === 1) close(at);
        break;
    }
  }
  return { first, elements };
}
