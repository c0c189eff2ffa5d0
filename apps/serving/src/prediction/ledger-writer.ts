import { conflict, RheiError, unavailable } from '@rhei/contracts';
import { currentContext, inGroup, type Clock, type Database, type Instant, type WorkContext } from '@rhei/runtime';
import type { LedgerRow, LedgerStore } from './ledger.store';

interface Waiting {
  rows: LedgerRow[];
  cause: WorkContext | undefined;
  done(written: boolean): void;
  failed(error: unknown): void;
}

const rowsPerCommit = 1_000;

/**
 * Group commit: answers that are ready while a commit runs share the next one. Each is given only after its rows are durable;
 * the rows of one answer are written together or not at all.
 */
export class LedgerWriter {
  private waiting: Waiting[] = [];
  private busy = false;

  constructor(private readonly deps: { database: Pick<Database, 'transaction'>; ledger: Pick<LedgerStore, 'append'>; clock: Pick<Clock, 'kind'> }) {}

  /**
   * Resolves with true when the rows were written, with false when all of them were there already. Errors: `conflict`
   * ID_REUSED when only some were; `unavailable` CLOCK_MOVED; what the database says.
   */
  write(rows: LedgerRow[]): Promise<boolean> {
    return new Promise((done, failed) => {
      this.waiting.push({ rows, cause: currentContext(), done, failed });
      if (!this.busy) void this.drain();
    });
  }

  private async drain(): Promise<void> {
    this.busy = true;
    try {
      while (this.waiting.length > 0) await this.settle(this.take());
    } finally {
      this.busy = false;
    }
  }

  /** One answer that cannot be written must not fail those that happened to come with it: the group is halved until it stands alone. */
  private async settle(group: Waiting[]): Promise<void> {
    try {
      const { now, written } = await inGroup('write predictions', group.map(({ cause }) => cause), () => this.commit(group));
      for (const one of group) {
        if (this.moved(one, now)) one.failed(unavailable('The clock moved while the prediction was made.', { reason: 'CLOCK_MOVED', retryAfter: 10 }));
        else one.done(written.has(one.rows[0].id));
      }
    } catch (error) {
      if (group.length === 1 || databaseIsAway(error)) return group.forEach(({ failed }) => failed(error));
      const half = Math.ceil(group.length / 2);
      await this.settle(group.slice(0, half));
      await this.settle(group.slice(half));
    }
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

  private commit(group: Waiting[]): Promise<{ now: Instant; written: Set<string> }> {
    return this.deps.database.transaction(async (tx) => {
      const sound = group.filter((one) => !this.moved(one, tx.now));
      const written = sound.length === 0 ? new Set<string>() : await this.deps.ledger.append(tx, sound.flatMap(({ rows }) => rows));
      for (const { rows } of sound) {
        const count = rows.filter(({ id }) => written.has(id)).length;
        if (count === 0 || count === rows.length) continue;
        const known = rows.find(({ id }) => !written.has(id))!.id;
        throw conflict(`Prediction "${known}" is on record with other inputs.`, { reason: 'ID_REUSED', field: 'id', hint: 'an id names one question: use a new one' });
      }
      return { now: tx.now, written };
    });
  }

  /** With a virtual clock an instant is exact: what was known at another one must be asked again. */
  private moved({ rows }: Waiting, now: Instant): boolean {
    return this.deps.clock.kind === 'replay' && rows.some(({ asOf }) => asOf !== now);
  }
}

/** Then a smaller group fails as well, after another wait for a connection. */
const databaseIsAway = (error: unknown): boolean => error instanceof RheiError && (error.code === 'unavailable' || error.code === 'overloaded');
