import { deadlineExceeded, type ServiceName } from '@rhei/contracts';
import type { NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import { mayCall, refusal, type Principal, type Role } from './auth';
import { elapsed } from './clock';
import { presentable } from './error-table';
import { DEFAULT_BODY_BYTES, drain, parseJson, readBody } from './http-body';
import { observeHttp } from './metrics';
import type { Principals } from './principals';
import { sendProblem } from './problem';
import { requestedOf } from './rpc-spans';
import type { Call } from './service';
import { inContext } from './telemetry';

const LONGEST = 30_000;

/** What a route's handler finds on the request: the parsed JSON in `body`, the bytes in `rawBody`, and who calls in `call`. */
export interface GatedRequest extends Request {
  rawBody: Buffer;
  call: Call;
  /** Answers with an error as the closed table says. */
  fail(error: unknown): void;
}

export interface RouteEntry {
  roles: Role[] | 'anyone';
  maxBytes?: number;
  deadline?: number;
  service: ServiceName | undefined;
}

/** Who calls, how long is left, and in which trace, of a request that came through its gate. */
export const callOf = (request: Request): Call => (request as GatedRequest).call;

const nobody: Principal = { name: 'anyone', kind: 'person', roles: [] };

/**
 * Stands first in its route: the very match that leads to the handler leads through here, so no second matcher can
 * disagree about who may call. Then it reads the body with the route's limit.
 */
export function gate(route: string, entry: RouteEntry, principals: Principals, log: Logger) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const work = requestedOf(entry.service, route, request, response, entry.roles !== 'anyone');
    const gated = request as GatedRequest;
    observeHttp(entry.service, route, response);
    gated.fail = (error) => sendProblem(request, response, presentable(error, log, route));
    void inContext(work, async () => {
      try {
        const principal = entry.roles === 'anyone' ? nobody : principals.authenticate(request.headers.authorization);
        if (entry.roles !== 'anyone' && !mayCall(principal, entry.roles)) throw refusal(principal, route, entry.roles);
        gated.call = bounded(route, Math.min(entry.deadline ?? LONGEST, LONGEST), request, response, principal, work.traceparent);
        gated.rawBody = await readBody(request, entry.maxBytes ?? DEFAULT_BODY_BYTES);
        bodyOf(gated);
        next();
      } catch (error) {
        await drain(request);
        gated.fail(error);
      }
    });
  };
}

/**
 * `body` is parsed when a handler first asks for it, and as JSON whatever the type says (fetch and curl send another one
 * unless told): a handler that wants the bytes takes `rawBody` and pays nothing.
 */
function bodyOf(request: GatedRequest): void {
  let parsed: { value: unknown } | undefined;
  Object.defineProperty(request, 'body', {
    configurable: true, enumerable: true,
    get: () => (parsed ??= { value: request.rawBody.length > 0 ? parseJson(request.rawBody) : undefined }).value,
  });
}

function bounded(route: string, limit: number, request: Request, response: Response, principal: Principal, traceparent: string): Call {
  const until = elapsed() + limit;
  const gone = new AbortController();
  const timer = setTimeout(() => {
    gone.abort();
    inContext({ traceparent }, () => sendProblem(request, response, deadlineExceeded(`${route} did not answer within ${limit} ms.`)));
  }, limit);
  response.once('close', () => {
    clearTimeout(timer);
    gone.abort();
  });
  return { principal, remaining: () => Math.max(0, until - elapsed()), signal: gone.signal, traceparent };
}
