import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { noEvent, readBinary } from './binary-mode';
import { readBody, type EventBody } from './event-body';

const prefix = 'ce-';
const fault = noEvent('by HTTP');

/**
 * Reads a request by the HTTP protocol binding: structured and batched by the content type, binary where headers `ce-…` hold
 * the attributes and the body is the data.
 * @throws RheiError `invalid` where it is none of them, `too_large` where a limit is passed
 */
export function readRequest(body: Buffer, headers: IncomingHttpHeaders): EventBody {
  const contentType = headers['content-type'];
  const own = Object.keys(headers).filter((name) => name.startsWith(prefix));
  if (own.length === 0 || contentType?.trim().toLowerCase().startsWith('application/cloudevents')) return readBody(body, contentType);
  const kept = Object.fromEntries([...own, 'content-type'].filter((name) => headers[name] !== undefined).map((name) => [name, Buffer.from(String(headers[name]), 'latin1')]));
  return { batch: false, events: [{ bytes: body, headers: kept, value: readBinaryRequest(kept, body) }] };
}

/** Whether what was kept of a request says that it was in binary mode. */
export const isBinaryRequest = (headers: Record<string, Buffer>): boolean => Object.keys(headers).some((name) => name.startsWith(prefix));

/** The event of a request in binary mode, as structured mode has it. Errors as {@link readRequest}. */
export function readBinaryRequest(headers: Record<string, Buffer>, body: Buffer): Record<string, unknown> {
  const attributes = Object.fromEntries(Object.keys(headers).filter((name) => name.startsWith(prefix)).map((name) => [name.slice(prefix.length), decoded(headers[name])]));
  const contentType = headers['content-type']?.toString('latin1').trim().toLowerCase() ?? '';
  return readBinary({ prefix, attributes, contentType, value: body.length === 0 ? undefined : body, fault });
}


const PERCENT = 0x25;

/**
 * A header's text: a quoted string is opened, then percent-encoding is undone once (HTTP binding 1.0.2, section 3.1.3.2). Bytes that
 * are no UTF-8 are taken for Latin-1, as Node and older clients write what they should have encoded.
 */
function decoded(header: Buffer): string {
  const text = header.toString('latin1').trim();
  const plain = /^".*"$/s.test(text) && text.length > 1 ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : text;
  const bytes = Buffer.from(plain, 'latin1');
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const pair = bytes[at] === PERCENT ? bytes.toString('latin1', at + 1, at + 3) : '';
    if (/^[0-9a-f]{2}$/i.test(pair)) {
      out.push(parseInt(pair, 16));
      at += 2;
    } else out.push(bytes[at]);
  }
  const raw = Buffer.from(out);
  return isUtf8(raw) ? raw.toString('utf8') : raw.toString('latin1');
}
