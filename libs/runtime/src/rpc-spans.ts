import { status as Grpc, type StatusObject } from '@grpc/grpc-js';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { RheiError, type ServiceName } from '@rhei/contracts';
import type { Request, Response } from 'express';
import { errorTable } from './error-table';
import { childSpan, contextOf, finish, traceparentOf } from './spans';
import type { WorkContext } from './telemetry';

/** What is the server's fault, by the conventions: the caller's own mistakes are no errors of the span. */
const serverFaults: ReadonlySet<Grpc> = new Set([Grpc.UNKNOWN, Grpc.DEADLINE_EXCEEDED, Grpc.UNIMPLEMENTED, Grpc.INTERNAL, Grpc.UNAVAILABLE, Grpc.DATA_LOSS]);
const rpc = (path: string, kind: SpanKind) => ({ name: path.slice(1), kind, attributes: { 'rpc.system.name': 'grpc', 'rpc.method': path.slice(1) } });

/** The context of a gRPC call to a service; `sent` is the caller's traceparent. Probes are not `traced`: they would bury the rest. */
export const receivingOf = (service: ServiceName | undefined, path: string, sent: unknown, traced: boolean): WorkContext =>
  contextOf({ service, parent: sent, ...(traced && { span: () => rpc(path, SpanKind.SERVER) }) });

/** The call was answered, with this error or without one. */
export function answeredTo({ span }: WorkContext, error: unknown): void {
  if (!span) return;
  const code = error === undefined ? Grpc.OK : errorTable[error instanceof RheiError ? error.code : 'internal'].grpc;
  span.setAttribute('rpc.status_code', Grpc[code]);
  if (error instanceof RheiError) span.setAttribute('rhei.error.code', error.code);
  finish(span, serverFaults.has(code) ? error : undefined);
}

/** The span of a call to a peer, for a service that is traced; its context goes with the call. */
export function callingOf(path: string): { traceparent: string; end(status: StatusObject): void } | undefined {
  const span = childSpan(() => rpc(path, SpanKind.CLIENT));
  return span && {
    traceparent: traceparentOf(span),
    end({ code, details }) {
      span.setAttribute('rpc.status_code', Grpc[code]);
      finish(span, code === Grpc.OK ? undefined : Object.assign(new Error(details), { name: Grpc[code] }));
    },
  };
}

/** The context of an HTTP request to a route, such as `POST /ingestion/events`. Its span ends with the response. */
export function requestedOf(service: ServiceName | undefined, route: string, request: Request, response: Response, traced: boolean): WorkContext {
  const context = contextOf({
    service, parent: request.headers.traceparent,
    ...(traced && {
      span: () => ({
        name: route, kind: SpanKind.SERVER,
        attributes: { 'http.request.method': request.method, 'http.route': route.slice(route.indexOf(' ') + 1), 'url.path': request.path, 'url.scheme': 'http' },
      }),
    }),
  });
  const { span } = context;
  if (span) {
    response.once('close', () => {
      const { statusCode } = response;
      span.setAttribute('http.response.status_code', statusCode);
      if (statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', String(statusCode));
      // The client left before it was answered.
      else if (!response.writableEnded) span.setAttribute('error.type', 'cancelled');
      span.end();
    });
  }
  return context;
}
