import { RheiError } from '@rhei/contracts';
import type { Version } from './plan';

/** `not_found`: a file that was promoted is kept, so a store that lacks it is behind, or was restored without it. */
const transient = new Set<string>(['unavailable', 'overloaded', 'deadline_exceeded', 'not_found']);

/** Whether a file could not be had just now, which says nothing of the file; else it must not be served. */
export const isTransient = (error: unknown): boolean => error instanceof RheiError && transient.has(error.code);

/** A version of a plan that must not be served. */
export class Unservable extends Error {
  constructor(readonly version: Version, cause: unknown) {
    super(`version ${version.version} cannot be loaded: ${(cause as Error).message}`, { cause });
  }
}
