import { RheiError } from '@rhei/contracts';
import { CommanderError } from 'commander';
import { exitCodes, type Target } from './connect';
import { Interrupted } from './context';
import { describeProblem, FileProblems } from './resource-files';
import { wrongCall } from './wrong-call';

/** Codes that are about the way to the platform: then the reader wants to know which platform, and as whom. */
const aboutTheWay = ['unauthenticated', 'forbidden', 'deadline_exceeded'];
const retryable = ['unavailable', 'overloaded', 'deadline_exceeded'];

export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return 130;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return exitCodes[closed(error).code];
}

/** A failure as a person reads it: `code: message`, what to do, and where address and token came from when that matters. */
export function describeFailure(error: unknown, target?: Target): string {
  if (error instanceof Interrupted) return error.message;
  if (error instanceof FileProblems) {
    const count = error.problems.length;
    return `${error.problems.map(describeProblem).join('\n')}\ninvalid: ${count === 1 ? 'one error' : `${count} errors`} in the files; nothing was applied.`;
  }
  const known = closed(error);
  const { hint, problems = [] } = known.details;
  return [
    `${known.code}: ${known.message}`,
    ...placeOf(known),
    // A service often names its problems in the message already.
    ...problems.filter(({ message }) => !known.message.includes(message)).map(({ field, message, expected, got }) => `  ${describeProblem({ at: field ?? '-', message, expected, got })}`),
    ...(hint === undefined ? [] : [`  hint: ${hint}`]),
    ...wayOf(known, target),
  ].join('\n');
}

/** The same for a program: `{code, message, hint, retryable}`, and what else is known. */
export function failureAsJson(error: unknown, target?: Target): string {
  if (error instanceof Interrupted) return JSON.stringify({ code: 'interrupted', message: error.message, hint: null, retryable: true });
  const known = closed(error);
  const { hint, retryAfter: _retryAfter, ...details } = known.details;
  return JSON.stringify({
    code: known.code, message: known.message, hint: hint ?? null, retryable: retryable.includes(known.code), ...details,
    ...(error instanceof FileProblems ? { problems: error.problems } : {}),
    ...(wayOf(known, target).length === 0 ? {} : { address: target!.http, grpc: target!.grpc, addressFrom: target!.addressFrom, tokenFrom: target!.tokenFrom }),
  });
}

/** Where the fault is, what was expected there and what came: as far as the message does not say it already. */
function placeOf({ message, details: { field, expected, got } }: RheiError): string[] {
  const said = [expected, got].filter((value): value is string => value !== undefined && !message.includes(value));
  if (field === undefined || said.length === 0) return [];
  const parts = [...(expected === undefined ? [] : [`expected ${expected}`]), ...(got === undefined ? [] : [`got ${got}`])];
  return [`  ${field}: ${parts.join(', ')}`];
}

function wayOf({ code, details }: RheiError, target: Target | undefined): string[] {
  if (target === undefined || !(aboutTheWay.includes(code) || details.reason === 'UNREACHABLE')) return [];
  return [`  address ${target.http} (gRPC ${target.grpc}) from ${target.addressFrom}; token from ${target.tokenFrom}`];
}

function closed(error: unknown): RheiError {
  if (error instanceof RheiError) return error;
  if (error instanceof CommanderError) return wrongCall(error);
  const { code, path, message } = error as NodeJS.ErrnoException;
  // A file that was named and cannot be read or written.
  if (typeof code === 'string' && path !== undefined) return new RheiError('invalid', message);
  return new RheiError('internal', message ?? String(error), { hint: 'RHEI_DEBUG=1 shows where it happened' });
}
