import type { RheiError } from '@rhei/contracts';
import type { Request, Response } from 'express';
import { errorTable } from './error-table';
import { traceIdOf } from './telemetry';

/** An RFC 9457 document. Its members beyond the standard's are those of the closed error table. */
export function problemOf(error: RheiError, instance: string): Record<string, unknown> {
  const { http, title } = errorTable[error.code];
  const { reason, field, rule, expected, got, hint, retryAfter, problems } = error.details;
  return {
    type: `urn:rhei:error:${error.code}`, title, status: http, detail: error.message, instance,
    // `error`: where clients of the Open Inference Protocol look for the text.
    error: error.message, code: error.code, reason, field, rule, expected, got, hint, retryAfter, problems, traceId: traceIdOf(),
  };
}

/** Answers with the error, unless an answer is on its way already. */
export function sendProblem(request: Request, response: Response, error: RheiError): void {
  if (response.headersSent || response.writableEnded) return;
  const { http } = errorTable[error.code];
  if (error.code === 'unauthenticated') response.setHeader('WWW-Authenticate', 'Bearer realm="rhei"');
  if (error.details.retryAfter !== undefined) response.setHeader('Retry-After', String(Math.max(1, Math.ceil(error.details.retryAfter / 1000))));
  // A body that was not read to its end would be taken for the next request of the connection.
  if (!request.readableEnded && request.headers['content-length'] !== '0' && !['GET', 'HEAD'].includes(request.method)) {
    response.setHeader('Connection', 'close');
  }
  response.status(http).type('application/problem+json').send(JSON.stringify(problemOf(error, request.originalUrl)));
}
