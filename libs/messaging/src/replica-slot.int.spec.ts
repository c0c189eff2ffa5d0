import { eventually, openDatabase, type TestDatabase } from '@rhei/testing';
import { KeptLogger } from '../spec/open-log';
import { ReplicaSlot } from './replica-slot';

describe('the slot of a replica', () => {
  let database: TestDatabase;
  let lost: string[];
  const slots: ReplicaSlot[] = [];
  beforeAll(async () => {
    database = await openDatabase();
  });
  afterAll(() => database.close());
  beforeEach(() => (lost = []));
  afterEach(() => Promise.all(slots.splice(0).map((slot) => slot.release())));

  const take = async (service: 'serving' | 'feature' = 'serving') => {
    const slot = await ReplicaSlot.take({ service, database: database.url, logger: new KeptLogger(), onFatal: (reason) => void lost.push(reason) });
    slots.push(slot);
    return slot;
  };
  const sessions = async () => (await database.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'rhei slot serving' ORDER BY backend_start`)).map(({ pid }) => pid);

  it('is the smallest free number, for each service its own', async () => {
    const [first, second] = [await take(), await take()];
    expect([first.number, second.number, (await take('feature')).number]).toEqual([0, 1, 0]);
    await first.release();
    expect((await take()).number).toBe(0);
    expect((await take()).number).toBe(2);
  });

  it('is never held by two of many that start at once', async () => {
    const taken = await Promise.all(Array.from({ length: 8 }, () => take()));
    expect(taken.map(({ number }) => number).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('is taken again after the session was lost, while it is free', async () => {
    await take();
    const [pid] = await sessions();
    await database.query('SELECT pg_terminate_backend($1)', [pid]);
    await eventually('there is a new session', async () => (await sessions()).some((one) => one !== pid));
    await eventually('it holds the slot', async () => {
      const other = await take();
      await slots.pop()!.release();
      return other.number === 1;
    });
    expect(lost).toEqual([]);
  });

  it('ends the process when another replica has it by then', async () => {
    await take();
    const [pid] = await sessions();
    const thief = database.transaction(async (tx) => {
      // As a replica that was quicker: the lock is asked for before the session ends.
      const wanted = tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('rhei.replica.slot serving 0', 0))`);
      await database.query('SELECT pg_terminate_backend($1)', [pid]);
      await wanted;
      await eventually('the replica gives up', () => lost.length === 1, 15_000);
    });
    await thief;
    expect(lost).toEqual([expect.stringContaining('Another replica of serving holds slot 0')]);
  }, 20_000);
});
