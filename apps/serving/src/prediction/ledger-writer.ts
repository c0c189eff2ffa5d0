import { conflict, overloaded, RheiError, unavailable } from '@rhei/contracts';
import { currentContext, inGroup, pause, type Clock, type Database, type GaugeReading, type Instant, type WorkContext } from '@rhei/runtime';
import type { Logger } from 'pino';
import type { LedgerRow, LedgerStore } from './ledger.store';

interface Waiting {
  rows: LedgerRow[];
  cause: WorkContext | undefined;
  done(written: boolean): void;
  failed(error: unknown): void;
}

const rowsPerCommit = 1_000;
/** Rows that were answered and are not durable yet, at most. */
const mostUnwritten = 10_000;
/** Milliseconds before a write that failed for the database's sake is tried again. */
const again = 100;

/**
 * Group commit: answers that are ready while a commit runs share the next one. Each is given only after its rows are durable;
 * the rows of one answer are written together or not at all.
 */
export class LedgerWriter {
  private waiting: Waiting[] = [];
  private busy = false;
  /** By id, with the instant of their answer on the monotonic clock; the oldest first. */
  private readonly later = new Map<string, { row: LedgerRow; since: number }>();
  private readonly writing = new Set<Promise<void>>();
  /** Answers whose rows did not come into the ledger, since another answer to their id was there already. */
  lost = 0;

  constructor(private readonly deps: {
    database: Pick<Database, 'transaction'>; ledger: Pick<LedgerStore, 'append'>; clock: Pick<Clock, 'kind'>;
    log: Pick<Logger, 'warn'>; elapsed(): number;
    /** Milliseconds for which an answer may wait for its rows before no more are given. */
    patience: number;
  }) {}

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

  /**
   * Takes rows of an answer that is given before they are durable, and keeps trying until they are. Errors: `overloaded`
   * LEDGER_BEHIND once the oldest waits too long, or too many do: what a crash could take is never more than that.
   */
  writeLater(rows: LedgerRow[]): void {
    const [oldest] = this.later.values();
    const waits = oldest === undefined ? 0 : this.deps.elapsed() - oldest.since;
    if (waits > this.deps.patience || this.later.size + rows.length > mostUnwritten) {
      throw overloaded(`The ledger is behind: ${this.later.size} rows are not durable yet, the oldest for ${Math.round(waits)} ms.`, { reason: 'LEDGER_BEHIND', retryAfter: 250, hint: 'send it again after the delay' });
    }
    const since = this.deps.elapsed();
    for (const row of rows) this.later.set(row.id, { row, since });
    const written = this.untilWritten(rows).finally(() => {
      for (const { id } of rows) this.later.delete(id);
      this.writing.delete(written);
    });
    this.writing.add(written);
  }

  /** Rows of these ids that were answered and are not durable yet. */
  unwritten(ids: string[]): LedgerRow[] {
    return this.later.size === 0 ? [] : ids.flatMap((id) => this.later.get(id)?.row ?? []);
  }

  /** For `/metrics`: what an asynchronous ledger has still to write, and what it could not. Nothing where none was ever used. */
  readings(): GaugeReading[] {
    if (this.later.size === 0 && this.lost === 0) return [];
    return [
      { name: 'rhei_serving_ledger_unwritten_rows', help: 'Rows that were answered and are not durable yet.', labels: {}, value: this.later.size },
      { name: 'rhei_serving_ledger_lost_rows_total', help: 'Rows that were answered and are not in the ledger, since this replica started.', type: 'counter', labels: {}, value: this.lost },
    ];
  }

  /** Waits until all that was answered is durable, or for so many milliseconds. */
  async flush(milliseconds: number): Promise<void> {
    const over = new AbortController();
    await Promise.race([Promise.all(this.writing), pause(milliseconds, over.signal)]);
    over.abort('flushed');
  }

  private async untilWritten(rows: LedgerRow[]): Promise<void> {
    for (;;) {
      try {
        if (!(await this.write(rows))) this.lose(rows, 'another answer to the id was there already');
        return;
      } catch (error) {
        if (!databaseIsAway(error)) return this.lose(rows, (error as Error).message);
        await pause(again);
      }
    }
  }

  private lose(rows: LedgerRow[], reason: string): void {
    this.lost += rows.length;
    this.deps.log.warn({ ids: rows.slice(0, 10).map(({ id }) => id), rows: rows.length, reason }, 'an answer was given that the ledger does not hold');
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
