import { status as Grpc } from '@grpc/grpc-js';
import { RheiError, type ErrorCode } from '@rhei/contracts';
import type { Logger } from 'pino';
import { traceIdOf } from './telemetry';

/** What a code of the closed table is on either wire. */
export const errorTable: Record<ErrorCode, { http: number; grpc: Grpc; title: string }> = {
  invalid: { http: 400, grpc: Grpc.INVALID_ARGUMENT, title: 'The request is not valid' },
  rejected: { http: 422, grpc: Grpc.INVALID_ARGUMENT, title: 'The content breaks its contract' },
  unauthenticated: { http: 401, grpc: Grpc.UNAUTHENTICATED, title: 'Who calls is not known' },
  forbidden: { http: 403, grpc: Grpc.PERMISSION_DENIED, title: 'The role may not do this' },
  not_found: { http: 404, grpc: Grpc.NOT_FOUND, title: 'There is no such thing' },
  conflict: { http: 409, grpc: Grpc.ABORTED, title: 'The state says otherwise' },
  gate_not_met: { http: 409, grpc: Grpc.FAILED_PRECONDITION, title: 'A gate is not met' },
  too_large: { http: 413, grpc: Grpc.RESOURCE_EXHAUSTED, title: 'The request is too large' },
  overloaded: { http: 429, grpc: Grpc.RESOURCE_EXHAUSTED, title: 'Too much is waiting already' },
  deadline_exceeded: { http: 504, grpc: Grpc.DEADLINE_EXCEEDED, title: 'The deadline passed' },
  unavailable: { http: 503, grpc: Grpc.UNAVAILABLE, title: 'Not available now' },
  internal: { http: 500, grpc: Grpc.INTERNAL, title: 'Something failed inside' },
};

/**
 * The error that a caller may see. What is not of the closed table becomes `internal`: its text goes to the log, the
 * caller gets the trace under which it stands there.
 */
export function presentable(error: unknown, log: Logger, during: string): RheiError {
  if (error instanceof RheiError) {
    if (error.code === 'internal') log.error({ err: error, during }, error.message);
    return error;
  }
  log.error({ err: error, during }, 'failed without an error of the table');
  return new RheiError('internal', `${during} failed inside. The log has the cause under trace ${traceIdOf()}.`);
}
