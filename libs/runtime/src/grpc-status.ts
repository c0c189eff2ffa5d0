import { Metadata, status as Grpc, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { RheiError, status as rpc, errorCodes, type ErrorCode, type ErrorDetails } from '@rhei/contracts';
import { errorTable } from './error-table';
import { traceIdOf } from './telemetry';

const DOMAIN = 'rhei';
const DETAILS = 'grpc-status-details-bin';
/** Trailers share one header block, for which peers allow some 8 KiB; base64 takes a third more. */
const LARGEST = 5_000;

/** The error as a gRPC status with google.rpc details: ErrorInfo, and BadRequest and RetryInfo where they apply. */
export function statusOf(error: RheiError): Pick<StatusObject, 'code' | 'details' | 'metadata'> {
  const metadata = new Metadata();
  let problems = error.details.problems ?? [];
  let bytes = encode(error, problems);
  while (bytes.length > LARGEST && problems.length > 0) {
    problems = problems.slice(0, Math.floor(problems.length / 2));
    bytes = encode(error, problems);
  }
  if (bytes.length <= LARGEST) metadata.set(DETAILS, Buffer.from(bytes));
  return { code: errorTable[error.code].grpc, details: error.message.slice(0, 2_000), metadata };
}

function encode(error: RheiError, problems: NonNullable<ErrorDetails['problems']>): Uint8Array {
  const { reason, field, rule, expected, got, hint, retryAfter } = error.details;
  const about: Record<string, string> = { code: error.code, traceId: traceIdOf() };
  for (const [key, value] of Object.entries({ field, rule, expected, got, hint })) if (value !== undefined) about[key] = value;
  if (problems.length > 0) about['problems'] = JSON.stringify(problems);
  const details = [any('ErrorInfo', rpc.ErrorInfo.encode({ reason: reason ?? error.code.toUpperCase(), domain: DOMAIN, metadata: about }).finish())];
  const violations = [
    ...(field !== undefined ? [{ field, description: error.message }] : []),
    ...problems.filter((problem) => problem.field !== undefined).map((problem) => ({ field: problem.field ?? '', description: problem.message })),
  ];
  if (violations.length > 0 && errorTable[error.code].grpc === Grpc.INVALID_ARGUMENT) {
    details.push(any('BadRequest', rpc.BadRequest.encode({ fieldViolations: violations }).finish()));
  }
  if (retryAfter !== undefined) {
    const retryDelay = { seconds: Math.floor(retryAfter / 1000), nanos: Math.round((retryAfter % 1000) * 1e6) };
    details.push(any('RetryInfo', rpc.RetryInfo.encode({ retryDelay }).finish()));
  }
  return rpc.Status.encode({ code: errorTable[error.code].grpc, message: error.message.slice(0, 2_000), details }).finish();
}

const any = (name: string, value: Uint8Array) => ({ typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(value) });

/** The error of the table that a peer answered with; what another server said is translated by its status code. */
export function errorFrom(failure: ServiceError, method: string): RheiError {
  const info = read(failure);
  if (info) {
    const { code, traceId: _traceId, problems, ...rest } = info.metadata as Record<string, string>;
    return new RheiError(code as ErrorCode, failure.details, {
      ...rest,
      ...(info.reason !== code.toUpperCase() && { reason: info.reason }),
      ...(info.retryAfter !== undefined && { retryAfter: info.retryAfter }),
      ...(problems !== undefined && { problems: JSON.parse(problems) as ErrorDetails['problems'] }),
    });
  }
  return new RheiError(byStatus[failure.code] ?? 'internal', `${method}: ${failure.details}`);
}

const byStatus: Partial<Record<Grpc, ErrorCode>> = {
  [Grpc.INVALID_ARGUMENT]: 'invalid', [Grpc.OUT_OF_RANGE]: 'invalid', [Grpc.UNAUTHENTICATED]: 'unauthenticated',
  [Grpc.PERMISSION_DENIED]: 'forbidden', [Grpc.NOT_FOUND]: 'not_found', [Grpc.ABORTED]: 'conflict', [Grpc.ALREADY_EXISTS]: 'conflict',
  [Grpc.FAILED_PRECONDITION]: 'conflict', [Grpc.RESOURCE_EXHAUSTED]: 'overloaded', [Grpc.DEADLINE_EXCEEDED]: 'deadline_exceeded',
  [Grpc.CANCELLED]: 'unavailable', [Grpc.UNAVAILABLE]: 'unavailable', [Grpc.UNIMPLEMENTED]: 'unavailable',
};

function read(failure: ServiceError): (rpc.ErrorInfo & { retryAfter?: number }) | undefined {
  const [bytes] = failure.metadata?.get(DETAILS) ?? [];
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    const { details } = rpc.Status.decode(bytes);
    const find = (name: string) => details.find(({ typeUrl }) => typeUrl.endsWith(`/google.rpc.${name}`))?.value;
    const info = find('ErrorInfo');
    if (!info) return undefined;
    const decoded = rpc.ErrorInfo.decode(info);
    if (decoded.domain !== DOMAIN || !errorCodes.includes(decoded.metadata['code'] as ErrorCode)) return undefined;
    const retry = find('RetryInfo');
    const delay = retry && rpc.RetryInfo.decode(retry).retryDelay;
    return { ...decoded, ...(delay && { retryAfter: delay.seconds * 1000 + delay.nanos / 1e6 }) };
  } catch {
    return undefined;
  }
}
