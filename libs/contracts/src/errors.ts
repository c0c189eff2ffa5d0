/** The closed table of design §4: a code decides HTTP status, gRPC status and what a consumer does. */
export const errorCodes = [
  'invalid', 'rejected', 'unauthenticated', 'forbidden', 'not_found', 'conflict', 'gate_not_met', 'too_large',
  'overloaded', 'deadline_exceeded', 'unavailable', 'internal',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorDetails {
  /** Tells cases of one code apart: `ID_REUSED`, `RACE_LOST`. Upper case. */
  reason?: string;
  field?: string;
  /** The rule that was broken: a keyword of a schema, an expectation. */
  rule?: string;
  expected?: string;
  got?: string;
  hint?: string;
  /** Milliseconds after which the same call may succeed. */
  retryAfter?: number;
  /** Several faults of one request, such as unmet gates. */
  problems?: { field?: string; message: string; expected?: string; got?: string; hint?: string }[];
}

/** A failure that a caller may see. Anything else that is thrown becomes `internal`, without its text. */
export class RheiError extends Error {
  override readonly name = 'RheiError';
  constructor(readonly code: ErrorCode, message: string, readonly details: ErrorDetails = {}) {
    super(message);
  }
}

const make = (code: ErrorCode) => (message: string, details?: ErrorDetails): RheiError => new RheiError(code, message, details);
export const invalid = make('invalid');
export const rejected = make('rejected');
export const unauthenticated = make('unauthenticated');
export const forbidden = make('forbidden');
export const notFound = make('not_found');
export const conflict = make('conflict');
export const gateNotMet = make('gate_not_met');
export const tooLarge = make('too_large');
export const overloaded = make('overloaded');
export const deadlineExceeded = make('deadline_exceeded');
export const unavailable = make('unavailable');
