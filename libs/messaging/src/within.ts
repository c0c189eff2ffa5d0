import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for `work`, or `milliseconds` at most. True when it has ended by then. */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  const limit = new AbortController();
  try {
    return await Promise.race([work.then(() => true), sleep(milliseconds, false, { signal: limit.signal })]);
  } finally {
    limit.abort();
  }
}

/** Nothing is known about what became of it. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
}

/** The answer of `work`. Errors: its own, and {@link Unanswered} that names `what` when it has not come after so many milliseconds. */
export async function answered<Result>(milliseconds: number, what: string, work: Promise<Result>): Promise<Result> {
  work.catch(() => undefined);
  if (await within(milliseconds, work)) return work;
  throw new Unanswered(`${what} has not been answered for ${milliseconds / 1000} s`);
}
