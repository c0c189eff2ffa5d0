import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from './kafka';
import { asCallersError, mayBeAskedAgain } from './kafka-failure';

/** Attempts at one question, each on a connection of its own. */
const attempts = 4;

/** The oldest offset that a partition still has, and the next one to be written. */
export interface Reach {
  low: number;
  high: number;
}

/** One administrative connection, opened at its first use and again after it was lost. */
export class KafkaAdmin {
  private opened: Promise<Admin> | undefined;
  private readonly asked = new Map<string, Promise<Reach[]>>();

  constructor(private readonly open: () => Admin) {}

  /** Runs `work`, again on a fresh connection when nobody answered. `what` names the thing that is asked about, for errors. */
  async use<Result>(what: string, work: (admin: Admin) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      const opened = (this.opened ??= this.connect());
      try {
        return await work(await opened);
      } catch (error) {
        if (!mayBeAskedAgain(error)) throw asCallersError(error, what);
        if (this.opened === opened) this.opened = undefined;
        void opened.then((admin) => admin.disconnect()).catch(() => undefined);
        if (attempt === attempts) throw asCallersError(error, what);
        await sleep(50 * (attempt - 1));
      }
    }
  }

  /** By partition. Calls of one moment share a question. */
  reach(topic: string): Promise<Reach[]> {
    const asked = this.asked.get(topic);
    if (asked) return asked;
    const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.asked.delete(topic);
      return this.use(`topic "${topic}"`, async (admin) => {
        const reach: Reach[] = [];
        for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) reach[partition] = { low: Number(low), high: Number(high) };
        return reach;
      });
    });
    this.asked.set(topic, answer);
    return answer;
  }

  async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    await opened?.then((admin) => admin.disconnect()).catch(() => undefined);
  }

  private async connect(): Promise<Admin> {
    const admin = this.open();
    try {
      await admin.connect();
      return admin;
    } catch (error) {
      await admin.disconnect().catch(() => undefined);
      throw error;
    }
  }
}
