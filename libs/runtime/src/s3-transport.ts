import { AsyncLocalStorage } from 'node:async_hooks';
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';

const MiB = 1024 * 1024;
/** Milliseconds that each MiB may take, on the way or within the endpoint. */
const PER_MIB = 1_000;
/** Connections to the endpoint; further requests wait for one. */
const SOCKETS = 16;

const worksOn = new AsyncLocalStorage<number>();

/** Runs a request that the endpoint works on in silence (a copy, a joining of parts), with time for that many bytes. */
export const working = <T>(bytes: number, request: () => Promise<T>): Promise<T> => worksOn.run(bytes, request);

class TookTooLong extends Error {
  readonly code = 'ETIMEDOUT';
}

/** HTTP for the S3 client, whose own requests would wait for ever: an endpoint that stalls or drips is given up. */
export function boundedTransport(tls: boolean, ca: string | undefined, timeout: number) {
  const protocol = tls ? https : http;
  const agent = tls
    ? new https.Agent({ keepAlive: true, maxSockets: SOCKETS, ...(ca !== undefined && { ca }) })
    : new http.Agent({ keepAlive: true, maxSockets: SOCKETS });
  const request = (options: RequestOptions, answer?: (response: IncomingMessage) => void): ClientRequest => {
    const sent = protocol.request(options, answer);
    bound(sent, timeout, worksOn.getStore() ?? 0, Number(sent.getHeader('content-length') ?? 0));
    return sent;
  };
  return { agent, transport: { request } as unknown as Pick<typeof http, 'request'> };
}

function bound(request: ClientRequest, timeout: number, worked: number, size: number): void {
  const silence = timeout + (worked / MiB) * PER_MIB;
  const giveUp = (ms: number) => () => request.destroy(new TookTooLong(`no answer within ${Math.round(ms)} ms`));
  // Silence is one limit; the other is for an endpoint that sends a byte now and then.
  request.setTimeout(silence, giveUp(silence));
  const limited = (bytes: number): NodeJS.Timeout => {
    const ms = silence + (bytes / MiB) * PER_MIB;
    return setTimeout(giveUp(ms), ms);
  };
  let limit = limited(size);
  request.once('response', (response: IncomingMessage) => {
    clearTimeout(limit);
    limit = limited(Number(response.headers['content-length'] ?? 0));
  });
  request.once('close', () => clearTimeout(limit));
}
