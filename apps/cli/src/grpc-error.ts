import { status as Grpc, type ServiceError } from '@grpc/grpc-js';
import { errorCodes, RheiError, status as rpc, type ErrorCode, type ErrorDetails } from '@rhei/contracts';

const byStatus: Partial<Record<Grpc, ErrorCode>> = {
  [Grpc.INVALID_ARGUMENT]: 'invalid', [Grpc.OUT_OF_RANGE]: 'invalid', [Grpc.UNAUTHENTICATED]: 'unauthenticated',
  [Grpc.PERMISSION_DENIED]: 'forbidden', [Grpc.NOT_FOUND]: 'not_found', [Grpc.UNIMPLEMENTED]: 'not_found', [Grpc.ABORTED]: 'conflict',
  [Grpc.ALREADY_EXISTS]: 'conflict', [Grpc.FAILED_PRECONDITION]: 'gate_not_met', [Grpc.RESOURCE_EXHAUSTED]: 'overloaded',
  [Grpc.DEADLINE_EXCEEDED]: 'deadline_exceeded', [Grpc.UNAVAILABLE]: 'unavailable', [Grpc.CANCELLED]: 'unavailable',
};

/**
 * What a failed call means by the closed table, with the details that a service sent along. When nobody answered at all, the
 * reason is `UNREACHABLE`.
 */
export function errorOfCall(failure: ServiceError, address: string): RheiError {
  const info = errorInfo(failure);
  if (info !== undefined) {
    const { code, field, expected, got, hint, problems } = info.metadata;
    const details: ErrorDetails = {
      ...present({ field, expected, got, hint }),
      // Without a reason of its own an error repeats its code there.
      ...(info.reason === code.toUpperCase() ? {} : { reason: info.reason }),
      ...(problems === undefined ? {} : { problems: JSON.parse(problems) as ErrorDetails['problems'] }),
    };
    return new RheiError(code as ErrorCode, failure.details, details);
  }
  if (failure.code === Grpc.UNAVAILABLE) {
    const cause = /Last error: (?:Error: )?(.*?)\.? Resolution note:/.exec(failure.details)?.[1] ?? failure.details;
    return new RheiError('unavailable', `Nobody answers at ${address}: ${cause}.`, { reason: 'UNREACHABLE', hint: 'start a platform with "npm start", or name the address of another one with --url' });
  }
  return new RheiError(byStatus[failure.code] ?? 'internal', failure.details || failure.message);
}

const present = (values: Record<string, string | undefined>): ErrorDetails =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

function errorInfo(failure: ServiceError): rpc.ErrorInfo | undefined {
  const bytes = failure.metadata?.get('grpc-status-details-bin')[0];
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    const any = rpc.Status.decode(bytes).details.find(({ typeUrl }) => typeUrl.endsWith('/google.rpc.ErrorInfo'));
    const info = any === undefined ? undefined : rpc.ErrorInfo.decode(any.value);
    return info !== undefined && (errorCodes as readonly string[]).includes(info.metadata.code) ? info : undefined;
  } catch {
    // Details that cannot be read are another server's: the status code still says what happened.
    return undefined;
  }
}
