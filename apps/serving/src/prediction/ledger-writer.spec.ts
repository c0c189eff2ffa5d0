import { unavailable } from '@rhei/contracts';
import type { Transaction } from '@rhei/runtime';
import type { Logger } from 'pino';
import type { LedgerRow } from './ledger.store';
import { LedgerWriter } from './ledger-writer';

const row = (id: string, asOf = 5) => ({ id, asOf }) as LedgerRow;

/** A ledger that keeps rows by id and rolls back what its transaction did; `hurdle` stands before every commit. */
function aLedger({ kind = 'system' as 'system' | 'replay', now = 5, hurdle = async (_ids: string[]): Promise<void> => undefined } = {}) {
  const kept = new Set<string>();
  const commits: string[][] = [];
  let written: string[] = [];
  const database = {
    async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
      written = [];
      const result = await work({ now } as Transaction);
      if (written.length > 0) commits.push(written);
      written.forEach((id) => kept.add(id));
      return result;
    },
  };
  const ledger = {
    async append(_tx: Transaction, rows: LedgerRow[]) {
      const ids = rows.map(({ id }) => id);
      await hurdle(ids);
      written = ids.filter((id) => !kept.has(id));
      return new Set(written);
    },
  };
  const warned: object[] = [];
  const log = { warn: (about: object) => void warned.push(about) } as unknown as Pick<Logger, 'warn'>;
  const time = { elapsed: 0 };
  return { writer: new LedgerWriter({ database, ledger, clock: { kind }, log, elapsed: () => time.elapsed, patience: 1_000 }), kept, commits, time, warned };
}

describe('writing to the ledger', () => {
  it('gathers in one commit what comes while another runs', async () => {
    const { writer, commits } = aLedger();
    await Promise.all(['a', 'b', 'c', 'd'].map((id) => writer.write([row(id)])));
    expect(commits).toEqual([['a'], ['b', 'c', 'd']]);
  });

  it('answers only after the commit', async () => {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => { open = resolve; });
    const { writer, kept } = aLedger({ hurdle: () => gate });
    let answered = false;
    const answer = writer.write([row('a')]).then(() => { answered = true; });
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    open();
    await answer;
    expect([...kept]).toEqual(['a']);
  });

  it('takes a thousand rows at once at most', async () => {
    const { writer, commits } = aLedger();
    const many = (prefix: string) => Array.from({ length: 600 }, (_, i) => row(`${prefix}${i}`));
    await Promise.all(['a', 'b', 'c'].map((prefix) => writer.write(many(prefix))));
    expect(commits.map(({ length }) => length)).toEqual([600, 600, 600]);
  });

  it('says of an id that comes twice that it was there, also within one moment', async () => {
    const { writer } = aLedger();
    expect(await Promise.all(['x', 'a', 'a'].map((id) => writer.write([row(id)])))).toEqual([true, true, false]);
    expect(await writer.write([row('a')])).toBe(false);
  });

  it('does not fail the others when one row cannot be written', async () => {
    const { writer, kept } = aLedger({ hurdle: async (ids) => { if (ids.includes('bad')) throw new Error('no such text'); } });
    const answers = await Promise.allSettled(['first', 'a', 'b', 'bad', 'c', 'd'].map((id) => writer.write([row(id)])));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect([...kept].sort()).toEqual(['a', 'b', 'c', 'd', 'first']);
  });

  it('fails all at once when the database is away, and goes on when it is back', async () => {
    let away = true;
    let tries = 0;
    const { writer } = aLedger({ hurdle: async () => { tries += 1; if (away) throw unavailable('away'); } });
    const answers = await Promise.allSettled(['a', 'b', 'c', 'd'].map((id) => writer.write([row(id)])));
    expect(answers.every((answer) => answer.status === 'rejected' && answer.reason.code === 'unavailable')).toBe(true);
    expect(tries).toBe(2);
    away = false;
    await expect(writer.write([row('a')])).resolves.toBe(true);
  });

  it('writes the rows of one answer together or not at all', async () => {
    const { writer, kept } = aLedger();
    await writer.write([row('p/1')]);
    const [partly, other] = await Promise.allSettled([writer.write([row('p/0'), row('p/1')]), writer.write([row('q')])]);
    expect(partly).toMatchObject({ status: 'rejected', reason: { code: 'conflict', details: { reason: 'ID_REUSED' } } });
    expect(other).toMatchObject({ status: 'fulfilled', value: true });
    expect([...kept]).toEqual(['p/1', 'q']);
  });

  it('says unavailable of an answer whose instant has passed on a virtual clock, and keeps those of now', async () => {
    const { writer, kept } = aLedger({ kind: 'replay', now: 7 });
    const answers = await Promise.allSettled([row('x', 7), row('old', 5), row('new', 7)].map((one) => writer.write([one])));
    expect(answers).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'unavailable', details: { reason: 'CLOCK_MOVED' } } }, { status: 'fulfilled' }]);
    expect([...kept]).toEqual(['x', 'new']);
  });

  it('lets instants differ on the system clock, which never stands still', async () => {
    const { writer } = aLedger({ now: 7 });
    await expect(writer.write([row('a', 5)])).resolves.toBe(true);
  });
});

describe('writing to the ledger after the answer', () => {
  it('keeps the rows at hand until they are durable, and waits for them at a stop', async () => {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => { open = resolve; });
    const { writer, kept } = aLedger({ hurdle: () => gate });
    writer.writeLater([row('a'), row('b')]);
    expect(writer.unwritten(['b', 'c'])).toEqual([row('b')]);
    const flushed = writer.flush(10_000);
    open();
    await flushed;
    expect([[...kept], writer.unwritten(['a', 'b']), writer.lost]).toEqual([['a', 'b'], [], 0]);
  });

  it('tries again while the database is away, and takes no more once a second of answers waits', async () => {
    let away = true;
    const { writer, kept, time } = aLedger({ hurdle: async () => { if (away) throw unavailable('away'); } });
    writer.writeLater([row('a')]);
    time.elapsed = 900;
    writer.writeLater([row('b')]);
    time.elapsed = 1_100;
    expect(() => writer.writeLater([row('c')])).toThrow(expect.objectContaining({ code: 'overloaded', details: expect.objectContaining({ reason: 'LEDGER_BEHIND', retryAfter: 250 }) }));
    await writer.flush(20);
    expect(kept.size).toBe(0);
    away = false;
    await writer.flush(10_000);
    expect([...kept].sort()).toEqual(['a', 'b']);
    writer.writeLater([row('c')]);
    await writer.flush(10_000);
  });

  it('takes ten thousand rows at most', async () => {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => { open = resolve; });
    const { writer } = aLedger({ hurdle: () => gate });
    for (let count = 0; count < 10; count += 1) writer.writeLater(Array.from({ length: 1_000 }, (_, index) => row(`${count}/${index}`)));
    expect(() => writer.writeLater([row('more')])).toThrow(/10000 rows/);
    open();
    await writer.flush(10_000);
  });

  it('says aloud that an answer is not in the ledger, when another one to its id was there already', async () => {
    const { writer, warned } = aLedger();
    await writer.write([row('a')]);
    writer.writeLater([row('a')]);
    await writer.flush(10_000);
    expect([writer.lost, warned]).toEqual([1, [expect.objectContaining({ ids: ['a'] })]]);
  });
});
