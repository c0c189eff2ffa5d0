import { RheiError, unavailable } from '@rhei/contracts';

const codeOf = (error: unknown): string | undefined => (error as { code?: unknown } | null)?.code as string | undefined;

const SERIALIZATION = '40001';
const DEADLOCK = '40P01';
const CACHED_PLAN = '0A000';

/** Whether the same transaction may succeed when it is repeated. */
export const isRepeatable = (error: unknown): boolean => codeOf(error) === SERIALIZATION || codeOf(error) === DEADLOCK || isStalePlan(error);

export const isStalePlan = (error: unknown): boolean => codeOf(error) === CACHED_PLAN && /cached plan/.test((error as Error).message);

/** Classes 08 (connection), 53 (too many) and 57P (shut down, starting, timed out while idle), and what sockets and the pool say. */
export function isLostConnection(error: unknown): boolean {
  // By its looks, not its class: an error of the system may come from another realm (a test's, a worker's).
  const { message } = (error ?? {}) as { message?: unknown };
  if (error instanceof RheiError || typeof message !== 'string') return false;
  const code = codeOf(error);
  if (code !== undefined && /^(08...|53300|57P0[1235]|25P03|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH)$/.test(code)) return true;
  return /Connection terminated|connection timeout|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable/i.test(message);
}

/** Whether something that is needed does not answer now, and may do so later. */
export const isAway = (error: unknown): boolean => isLostConnection(error) || (error instanceof RheiError && error.code === 'unavailable');

/** What the pool says when no connection became free, and when none could be made in time. */
export const isPoolTimeout = (error: unknown): boolean => /timeout exceeded when trying to connect/.test(String((error as { message?: unknown } | null)?.message));

/** What a caller sees of a failure of the database: `unavailable` for a lost connection, else the error itself. */
export function translated(error: unknown, service: string): unknown {
  if (!isLostConnection(error)) return error;
  return unavailable(`The database of ${service} does not answer now. Nothing that was acknowledged is lost; try again.`, { reason: 'DATABASE_UNAVAILABLE', retryAfter: 1_000 });
}
