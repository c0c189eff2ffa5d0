import { deadlineExceeded, overloaded } from '@rhei/contracts';

/**
 * A bounded queue in front of the work: so many at once, so many waiting in the order in which they came, and one more is
 * refused at once. Without it a server at three times its load answers almost nothing in time.
 */
export class Admission {
  private running = 0;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly concurrency: number, private readonly queue: number) {}

  /**
   * Runs `work` in its turn. Errors: `overloaded` with a retry delay when the queue is full; `deadline_exceeded` when the
   * caller was gone before its turn came, which also makes its place free.
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.running < this.concurrency) this.running += 1;
    else await this.turn(signal);
    try {
      return await work();
    } finally {
      // The place is handed over, not given back: nobody who comes now can overtake those who wait.
      const [next] = this.waiting;
      if (next === undefined) this.running -= 1;
      else next();
    }
  }

  private turn(signal?: AbortSignal): Promise<void> {
    if (this.waiting.size >= this.queue) {
      throw overloaded(`Serving has ${this.running} requests in work and ${this.waiting.size} waiting.`, { retryAfter: 250, hint: 'send it again after the delay' });
    }
    return new Promise<void>((resolve, reject) => {
      const called = (): void => {
        this.waiting.delete(called);
        signal?.removeEventListener('abort', gone);
        resolve();
      };
      const gone = (): void => {
        this.waiting.delete(called);
        reject(deadlineExceeded('The deadline passed while the request waited for its turn.'));
      };
      if (signal?.aborted) return gone();
      this.waiting.add(called);
      signal?.addEventListener('abort', gone, { once: true });
    });
  }
}
