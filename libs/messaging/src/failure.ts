import { RheiError } from '@rhei/contracts';

/**
 * What a consumer does about a failure. `transient`: the same attempt may succeed later, so it is repeated and the partition
 * waits. `permanent`: it will not, so the event is set aside at once. `unknown`: a few attempts, then it is set aside.
 */
export type FailureKind = 'transient' | 'permanent' | 'unknown';

const transientStates = new Set(['40001', '40P01', '55P03', '25P02', '25P03', '57P01', '57P02', '57P03', '57P05']);
const connectionCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT']);
const connectionTexts = /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|timeout expired|Query read timeout|the session is lost)/i;

export function failureKind(error: unknown): FailureKind {
  if (error instanceof RheiError) {
    if (error.code === 'unavailable' || error.code === 'overloaded' || error.code === 'deadline_exceeded') return 'transient';
    // `internal` is what an unforeseen error became on its way through a peer.
    return error.code === 'internal' ? 'unknown' : 'permanent';
  }
  return isTransientInDatabase(error) ? 'transient' : 'unknown';
}

/** Lost connections, a server that starts or stops, full resources, serialization failures and deadlocks. */
export function isTransientInDatabase(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // TypeORM wraps the driver's error.
  const { code } = { ...((error as { driverError?: object }).driverError ?? {}), ...error } as { code?: string };
  if (code !== undefined) return transientStates.has(code) || connectionCodes.has(code) || /^(08|53)/.test(code);
  return connectionTexts.test(error.message);
}

/** The text of a failure for logs and dead letters. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
