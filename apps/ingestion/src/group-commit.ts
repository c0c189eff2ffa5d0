import { overloaded, RheiError } from '@rhei/contracts';

export interface GroupLimits {
  /** A group is committed when it has gathered so many items, or bytes. One request is never split. */
  groupItems: number;
  groupBytes: number;
  /** What may wait; a request that does not fit is sent away. */
  queueItems: number;
  queueBytes: number;
}

interface Waiting<Item, Answer> {
  items: Item[];
  bytes: number;
  resolve(answers: Answer[]): void;
  reject(error: unknown): void;
}

/**
 * Gathers what concurrent requests bring into one commit. The first request is committed at once; what comes while a
 * commit runs forms the next group. So a lone request waits for nobody, and under load a group is as large as a commit
 * is long, without a timer.
 */
export class GroupCommit<Item, Answer> {
  private readonly waiting: Waiting<Item, Answer>[] = [];
  private items = 0;
  private bytes = 0;
  private running: Promise<void> | undefined;

  /** @param commit answers each item, in order; all of it happens or nothing does */
  constructor(private readonly commit: (items: Item[]) => Promise<Answer[]>, private readonly limits: GroupLimits) {}

  /**
   * Resolves when the commit is durable.
   * @throws RheiError `overloaded` when the queue is full; what `commit` throws otherwise
   */
  async submit(items: Item[], bytes: number): Promise<Answer[]> {
    const { queueItems, queueBytes } = this.limits;
    if (this.items + items.length > queueItems || this.bytes + bytes > queueBytes) {
      throw overloaded(`Ingestion has ${this.items} events waiting and takes no more than ${queueItems} (${queueBytes} bytes). Send these ${items.length} again after a second.`, {
        expected: `at most ${queueItems} events waiting`, got: `${this.items + items.length}`, retryAfter: 1_000,
      });
    }
    this.items += items.length;
    this.bytes += bytes;
    return new Promise((resolve, reject) => {
      this.waiting.push({ items, bytes, resolve, reject });
      this.running ??= this.run();
    });
  }

  /** Resolves when nothing is left to commit. */
  async drained(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.nextGroup();
      await this.settle(group);
      for (const { items, bytes } of group) {
        this.items -= items.length;
        this.bytes -= bytes;
      }
    }
    this.running = undefined;
  }

  private nextGroup(): Waiting<Item, Answer>[] {
    let items = 0;
    let bytes = 0;
    const end = this.waiting.findIndex((request) => {
      items += request.items.length;
      bytes += request.bytes;
      return items >= this.limits.groupItems || bytes >= this.limits.groupBytes;
    });
    return this.waiting.splice(0, end === -1 ? this.waiting.length : end + 1);
  }

  private async settle(group: Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.commit(group.flatMap(({ items }) => items));
      let at = 0;
      for (const { items, resolve } of group) resolve(answers.slice(at, (at += items.length)));
    } catch (error) {
      // What is wrong with one request must not fail its neighbours. An error that says to try later concerns them all.
      if (group.length === 1 || (error instanceof RheiError && error.code !== 'internal')) {
        for (const { reject } of group) reject(error);
      } else {
        for (const request of group) await this.settle([request]);
      }
    }
  }
}
