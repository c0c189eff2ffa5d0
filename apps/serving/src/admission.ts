import { overloaded } from '@rhei/contracts';

/**
 * A bounded queue in front of the work: so many at once, so many waiting, and one more is refused at once. Without it a
 * server at three times its load answers almost nothing in time.
 */
export class Admission {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly concurrency: number, private readonly queue: number) {}

  /** Runs `work` in its turn. Errors: `overloaded` with a retry delay when the queue is full. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.concurrency) {
      if (this.waiting.length >= this.queue) {
        throw overloaded(`Serving has ${this.running} requests in work and ${this.waiting.length} waiting.`, { retryAfter: 250, hint: 'send it again after the delay' });
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    } else {
      this.running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.running -= 1;
      else next();
    }
  }
}
