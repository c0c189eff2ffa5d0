import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Owned } from './kafka';
import { asCallersError, mayBeAskedAgain } from './kafka-failure';
import { answered, within } from './within';

/** Attempts at one question, each on a connection of its own. */
const attempts = 4;
/** Milliseconds after which a question counts as lost: the library forgets those that are under way on a connection that it closes. */
const patience = 15_000;

/** The oldest offset that a partition still has, and the next one to be written. */
export interface Reach {
  low: number;
  high: number;
}

/** A connection and how many questions are on their way over it. */
interface Line {
  admin: Promise<Owned<Admin>>;
  asking: number;
  retired: boolean;
}

/** One administrative connection, opened at its first use and again after it was lost. */
export class KafkaAdmin {
  private line: Line | undefined;
  private readonly asked = new Map<string, Promise<Reach[]>>();

  constructor(private readonly open: () => Owned<Admin>) {}

  /** Runs `work`, again on a fresh connection when nobody answered. `what` names the thing that is asked about, for errors. */
  async use<Result>(what: string, work: (admin: Admin) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      const line = (this.line ??= { admin: this.connect(), asking: 0, retired: false });
      line.asking++;
      try {
        return await answered(patience, what, line.admin.then(({ client }) => work(client)));
      } catch (error) {
        if (!mayBeAskedAgain(error)) throw asCallersError(error, what);
        this.retire(line);
        if (attempt === attempts) throw asCallersError(error, what);
      } finally {
        line.asking--;
        if (line.retired && line.asking === 0) void hangUp(line);
      }
      await sleep(100 * attempt);
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
    const { line } = this;
    this.line = undefined;
    if (line) await within(3_000, hangUp(line));
  }

  /** Others may still wait for answers on it: it is closed after the last one. */
  private retire(line: Line): void {
    line.retired = true;
    if (this.line === line) this.line = undefined;
  }

  private async connect(): Promise<Owned<Admin>> {
    const admin = this.open();
    try {
      await admin.client.connect();
      return admin;
    } catch (error) {
      void admin.close();
      throw error;
    }
  }
}

const hangUp = ({ admin }: Line): Promise<void> => admin.then((one) => one.close(), () => undefined);
