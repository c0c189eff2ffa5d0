import { unavailable } from '@rhei/contracts';
import type { Clock, Database } from '@rhei/runtime';
import type { LedgerRow, LedgerStore } from './ledger.store';

interface Waiting {
  rows: LedgerRow[];
  done(written: Set<string>): void;
  failed(error: unknown): void;
}

const rowsPerCommit = 1_000;

/**
 * Group commit: answers that are ready while a commit runs share the next one. Each is given only after its row is durable.
 */
export class LedgerWriter {
  private waiting: Waiting[] = [];
  private busy = false;

  constructor(private readonly deps: { database: Database; ledger: LedgerStore; clock: Clock }) {}

  /** Resolves with the ids that were new; the others had been answered before. */
  write(rows: LedgerRow[]): Promise<Set<string>> {
    return new Promise((done, failed) => {
      this.waiting.push({ rows, done, failed });
      if (!this.busy) void this.drain();
    });
  }

  private async drain(): Promise<void> {
    this.busy = true;
    while (this.waiting.length > 0) {
      const group = this.take();
      try {
        const written = await this.commit(group);
        group.forEach(({ done }) => done(written));
      } catch (error) {
        // One row that cannot be written must not fail the answers that happened to come with it.
        if (group.length === 1) group[0].failed(error);
        else await Promise.all(group.map((one) => this.commit([one]).then(one.done, one.failed)));
      }
    }
    this.busy = false;
  }

  private take(): Waiting[] {
    const group: Waiting[] = [];
    let rows = 0;
    const ids = new Set<string>();
    const later: Waiting[] = [];
    for (const one of this.waiting) {
      // The second answer to one id waits for the first, so that it finds what was recorded.
      if (rows > 0 && (rows + one.rows.length > rowsPerCommit || one.rows.some(({ id }) => ids.has(id)))) {
        later.push(one);
        continue;
      }
      one.rows.forEach(({ id }) => ids.add(id));
      rows += one.rows.length;
      group.push(one);
    }
    this.waiting = later;
    return group;
  }

  private commit(group: Waiting[]): Promise<Set<string>> {
    const rows = group.flatMap((one) => one.rows);
    return this.deps.database.transaction(async (tx) => {
      // With a virtual clock an instant is exact: what was known at another one must be asked again.
      if (this.deps.clock.kind === 'replay' && rows.some(({ asOf }) => asOf !== tx.now)) {
        throw unavailable('The clock moved while the prediction was made.', { reason: 'CLOCK_MOVED', retryAfter: 10 });
      }
      return this.deps.ledger.append(tx, rows);
    });
  }
}
