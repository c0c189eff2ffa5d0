/** Nothing is known about what became of it. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
}

/** Waits for `work`, or `milliseconds` at most. True when it has ended by then. Errors: those of `work`. */
export function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(false), milliseconds);
    work.then(() => {
      clearTimeout(timer);
      resolve(true);
    }, (error: unknown) => {
      clearTimeout(timer);
      reject(error as Error);
    });
  });
}

/** The answer of `work`. Errors: its own, and {@link Unanswered} that names `what` when it has not come after so many milliseconds. */
export async function answered<Result>(milliseconds: number, what: string, work: Promise<Result>): Promise<Result> {
  if (await within(milliseconds, work)) return work;
  throw new Unanswered(`${what} has not been answered for ${milliseconds / 1000} s`);
}
