import { unavailable } from '@rhei/contracts';
import { pause, type Call } from '@rhei/runtime';

/** Milliseconds that the refusal may take to reach the caller: a fifth of the time that is left, and 100 at most. */
const forTheRefusal = (left: number): number => Math.min(100, left / 5);

/**
 * The outcome of `work`, or `unavailable` shortly before the caller's time is over. A database that hangs is as good as away,
 * and an id names one question: it can be asked again whatever becomes of this attempt, which goes on and keeps its place.
 */
export async function inTime<T>(work: Promise<T>, { remaining }: Pick<Call, 'remaining'>): Promise<T> {
  const over = new AbortController();
  const left = remaining();
  try {
    const outcome = await Promise.race([work.then((value) => ({ value })), pause(Math.max(0, left - forTheRefusal(left)), over.signal)]);
    if (outcome !== undefined) return outcome.value;
    throw unavailable('The question was not answered in time.', { reason: 'NOT_IN_TIME', retryAfter: 1_000, hint: 'ask again under the same id' });
  } finally {
    // With a reason: without one an exception is built for every answer.
    over.abort('answered');
  }
}
