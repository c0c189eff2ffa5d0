import { pause } from '@rhei/runtime';

/**
 * Tries `check` until it neither throws nor answers false or undefined, and returns its answer.
 * After `ms` it fails with what was awaited and the last failure.
 */
export async function eventually<T>(what: string, check: () => Promise<T> | T, ms = 10_000): Promise<Exclude<NonNullable<T>, false>> {
  const until = performance.now() + ms;
  let last: unknown;
  for (let wait = 5; ; wait = Math.min(wait * 1.5, 200)) {
    try {
      const value = await check();
      if (value !== false && value !== undefined && value !== null) return value as Exclude<NonNullable<T>, false>;
      last = new Error(`the last answer was ${String(value)}`);
    } catch (error) {
      last = error;
    }
    if (performance.now() >= until) {
      throw new Error(`Waited ${ms} ms in vain for: ${what}. ${last instanceof Error ? last.message : String(last)}`, { cause: last });
    }
    await pause(wait);
  }
}
