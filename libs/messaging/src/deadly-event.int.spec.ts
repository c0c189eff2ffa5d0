import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { openDatabase, type TestDatabase } from '@rhei/testing';
import type { DeadlyOrders } from '../spec/deadly-child';
import { anEntry, openTestLog, type TestLog } from '../spec/open-log';
import { aModelApplied } from '../spec/outgoing';
import { deadLetters } from './dead-letters';
import { deadliest } from './last-attempt';
import { parkedKeys } from './status';

const folder = join(__dirname, '..', 'spec');

describe('an event whose handler ends the process', () => {
  let log: TestLog;
  let database: TestDatabase;
  beforeAll(async () => {
    [log, database] = await Promise.all([openTestLog(), openDatabase()]);
    await database.query('CREATE TABLE effect (id bigserial PRIMARY KEY, key text, version int)');
    const said = (key: string, version: number) => anEntry('ModelApplied', key, aModelApplied(key, version).payload, `${key}${version}`);
    await log.open('registry').append('registry.models', 0, [
      said('good', 1), said('fine', 1), said('good', 2), said('bad', 1), said('good', 3), said('bad', 2), said('bad', 3), said('good', 4),
      ...Array.from({ length: 20 }, (_, index) => said('other', index)), said('fine', 2), said('good', 5),
    ]);
  });
  afterAll(async () => {
    await log.close();
    await database.close();
  });

  /** Starts the process again and again, as its host would, until it stays. Returns how it ended each time. */
  function lives(orders: Pick<DeadlyOrders, 'deadly' | 'effects'>): string[] {
    const ends: string[] = [];
    for (let start = 1; start <= 6; start++) {
      const all: DeadlyOrders = { ...orders, database: database.url, hearer: log.urlOf('training') };
      const { status, signal, stderr } = spawnSync(process.execPath, ['-r', join(folder, 'register.cjs'), join(folder, 'deadly-child.ts')], {
        env: { ...process.env, CHILD: JSON.stringify(all), NODE_OPTIONS: '' }, encoding: 'utf8', timeout: 10_000,
      });
      ends.push(signal ?? `exit ${status}${status === 1 ? stderr : ''}`);
      if (status === 0) break;
    }
    return ends;
  }

  it('is set aside after a few deaths, found among those of its batch; its key waits and the others go on', async () => {
    // One life finds out that something kills, and the next ones which event: never more than that and the counted ones.
    const ends = lives({ deadly: [{ version: 1, by: 'SIGKILL' }], effects: 27 });
    expect(ends).toEqual([...Array.from({ length: deadliest + 1 }, () => 'SIGKILL'), 'exit 0']);
    expect(await deadLetters(database)).toMatchObject([{ eventId: 'bad1', class: 'crashed', attempts: deadliest, waiting: 2, reason: expect.stringContaining('The process ended 3 times') }]);
    expect(await parkedKeys(database)).toMatchObject([{ key: 'bad', waiting: 2 }]);
    const effects = (await database.query<{ key: string; version: number }>('SELECT key, version FROM effect ORDER BY id')).map(({ key, version }) => `${key}${version}`);
    expect(effects.filter((effect) => effect.startsWith('good'))).toEqual(['good1', 'good2', 'good3', 'good4', 'good5']);
    expect(effects.some((effect) => effect.startsWith('bad'))).toBe(false);
    expect(new Set(effects).size).toBe(27);
  }, 60_000);

  it('is found as well where it calls exit, as the first of its batch', async () => {
    await database.query(`TRUNCATE effect, dead_letter, parked, inbox`);
    await database.query(`UPDATE position SET next = 3`);
    const ends = lives({ deadly: [{ version: 1, by: 'exit' }], effects: 24 });
    expect(ends).toEqual([...Array.from({ length: deadliest }, () => 'exit 9'), 'exit 0']);
    expect(await deadLetters(database)).toMatchObject([{ eventId: 'bad1', class: 'crashed' }]);
  }, 60_000);
});
