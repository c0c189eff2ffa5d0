import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually, openDatabase, type TestDatabase } from '@rhei/testing';
import { openTestLog, type TestLog } from '../spec/open-log';
import type { ChildOrders } from '../spec/crash-child';
import type { CrashPoint } from './crash-point';
import { setAsideCounts, unsentCount } from './status';

const folder = join(__dirname, '..', 'spec');
const keys = ['source-a', 'source-b', 'source-c', '0', '1'];

/** A service that says and a service that hears, in child processes on real databases. Both keep what they did. */
class World {
  private readonly children: ChildProcess[] = [];
  private errors = '';
  private constructor(private readonly log: TestLog, readonly database: TestDatabase) {}

  static async open(): Promise<World> {
    const [log, database] = await Promise.all([openTestLog(), openDatabase()]);
    await database.query('CREATE TABLE key (key text PRIMARY KEY, seq int NOT NULL DEFAULT 0)');
    await database.query('CREATE TABLE effect (id bigserial PRIMARY KEY, key text, seq int, process int)');
    await database.query('INSERT INTO key (key) SELECT unnest($1::text[])', [keys]);
    return new World(log, database);
  }

  start(orders: Pick<ChildOrders, 'events' | 'at'>): ChildProcess {
    const all: ChildOrders = { ...orders, database: this.database.url, sayer: this.log.urlOf('ingestion'), hearer: this.log.urlOf('feature') };
    const child = spawn(process.execPath, ['-r', join(folder, 'register.cjs'), join(folder, 'crash-child.ts')], {
      env: { ...process.env, CHILD: JSON.stringify(all), NODE_OPTIONS: '' }, stdio: ['ignore', 'inherit', 'pipe'],
    });
    child.stderr!.on('data', (text: Buffer) => (this.errors += text.toString()));
    this.children.push(child);
    return child;
  }

  /** Waits for the end of a child and tells how it came. */
  async ended(child: ChildProcess): Promise<string> {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.signalCode ?? `exit ${child.exitCode}`;
  }

  /** Nothing lost, nothing doubled, each key in order, nothing set aside. */
  async expectOnceInOrder(): Promise<void> {
    const said = await this.database.query<{ key: string; seq: number }>('SELECT key, seq FROM key ORDER BY key');
    const effects = await this.database.query<{ key: string; seq: number }>('SELECT key, seq FROM effect ORDER BY id');
    const heard = said.map(({ key }) => ({ key, seqs: effects.filter((effect) => effect.key === key).map(({ seq }) => seq) }));
    expect(heard).toEqual(said.map(({ key, seq }) => ({ key, seqs: Array.from({ length: seq }, (_, i) => i + 1) })));
    expect(await unsentCount(this.database)).toBe(0);
    expect(await setAsideCounts(this.database)).toEqual({ parked: 0, deadLetters: 0 });
    expect(this.errors).not.toMatch(/dead letter|Warning/);
  }

  async close(): Promise<void> {
    for (const child of this.children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await Promise.all(this.children.map((child) => this.ended(child)));
    await this.log.close();
    await this.database.close();
  }
}

const points: CrashPoint[] = [
  'consumer.before-transaction', 'consumer.effect-before-commit', 'consumer.after-commit',
  'relay.before-send', 'relay.after-send-before-mark', 'relay.after-mark',
];

describe('every event has its effect once and in order', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.open();
  });
  afterEach(() => world.close());

  it('whatever point the process is killed at, the first or a later time', async () => {
    for (const hit of [1, 3]) {
      for (const point of points) {
        const child = world.start({ events: 200, at: { point, hit, signal: 'SIGKILL' } });
        expect({ point, hit, end: await world.ended(child) }).toEqual({ point, hit, end: 'SIGKILL' });
      }
    }
    expect(await world.ended(world.start({ events: 50 }))).toBe('exit 0');
    await world.expectOnceInOrder();
  }, 60_000);
});

describe('an owner that is stopped until another has taken over, and then goes on', () => {
  const stopped = (child: ChildProcess) => execFileSync('ps', ['-o', 'stat=', '-p', String(child.pid)], { encoding: 'utf8' }).trim().startsWith('T');

  // Side by side: most of it is waiting for the sessions of the stopped process to end.
  it.concurrent.each<CrashPoint>(['relay.before-send', 'relay.after-send-before-mark', 'consumer.before-transaction', 'consumer.effect-before-commit'])(
    'at %s: nothing is lost, doubled or out of order', async (point) => {
      const world = await World.open();
      try {
        const owner = world.start({ events: 200, at: { point, hit: 2, signal: 'SIGSTOP' } });
        await eventually('the owner is stopped', () => stopped(owner), 20_000);
        const successor = world.start({ events: 40 });
        await eventually('another has taken over and is at the end', () => successor.exitCode === 0, 30_000);
        owner.kill('SIGCONT');
        expect(await world.ended(owner)).toBe('exit 0');
        const [{ processes }] = await world.database.query<{ processes: number }>('SELECT count(DISTINCT process)::int AS processes FROM effect');
        expect(processes).toBeGreaterThan(1);
        await world.expectOnceInOrder();
      } finally {
        await world.close();
      }
    }, 60_000);
});
