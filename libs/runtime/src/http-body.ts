import type { IncomingMessage } from 'node:http';
import { invalid, tooLarge } from '@rhei/contracts';

export const DEFAULT_BODY_BYTES = 1024 * 1024;
const DEEPEST = 64;
const MOST_DRAINED = 16 * 1024 * 1024;
const LONGEST_DRAIN = 2_000;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Reads the whole body, `maxBytes` at most. Errors: `too_large`, and `invalid` for an encoding that is not understood.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw invalid(`The body is encoded as "${encoding}": expected it as it is.`, { field: 'Content-Encoding', expected: 'identity', got: encoding });
  }
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBytes) throw refused(maxBytes, `${declared} bytes`);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // Leaving the loop must not destroy the request: the refusal is still to be sent over its socket.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) break;
      chunks.push(chunk);
    }
  } catch {
    throw invalid('The connection ended before the body did.');
  }
  if (length > maxBytes) throw refused(maxBytes, `more than ${maxBytes} bytes`);
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length);
}

const refused = (maxBytes: number, got: string) =>
  tooLarge(`The body may have ${maxBytes} bytes, got ${got}. Send less at once.`, { expected: `at most ${maxBytes} bytes`, got });

/**
 * Takes what is left of a refused body off the wire, within bounds: a client that still sends when the connection closes
 * would see a reset instead of the answer.
 */
export function drain(request: IncomingMessage): Promise<void> {
  if (request.readableEnded || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let left = MOST_DRAINED;
    const timer = setTimeout(resolve, LONGEST_DRAIN);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) done();
    });
    request.once('end', done).once('error', done).once('close', done);
    request.resume();
  });
}

/** Parses a JSON body. Errors: `invalid` for bytes that are no UTF-8, text that is no JSON, and more than 64 levels. */
export function parseJson(bytes: Buffer): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw invalid('The body is no UTF-8: expected JSON.', { expected: 'JSON in UTF-8' });
  }
  const depth = depthOf(bytes);
  if (depth > DEEPEST) throw invalid(`The body nests ${depth} levels deep: expected ${DEEPEST} at most.`, { expected: `at most ${DEEPEST} levels`, got: `${depth} levels` });
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw invalid(`The body is no JSON: ${(error as Error).message}.`, { expected: 'JSON', got: text.slice(0, 60) });
  }
}

/** The deepest nesting of brackets outside of strings; looked at before parsing, which recurses. */
function depthOf(bytes: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (inString) {
      if (byte === 0x5c) index += 1;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, (depth += 1));
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return deepest;
}
