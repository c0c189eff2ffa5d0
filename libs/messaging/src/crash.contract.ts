import { execFileSync, type ChildProcess } from 'node:child_process';
import { eventually } from '@rhei/testing';
import { CrashWorld, type SharedLog } from '../spec/crash-world';
import type { CrashPoint } from './crash-point';

/** In pairs: an event that is being handled when the process dies for the third time in a row is set aside, and these deaths are not its fault. */
const killPoints: [CrashPoint, CrashPoint][] = [
  ['consumer.before-transaction', 'consumer.effect-before-commit'], ['consumer.after-commit', 'relay.before-send'], ['relay.after-send-before-mark', 'relay.after-mark'],
];
const stopPoints: CrashPoint[] = ['relay.before-send', 'relay.after-send-before-mark', 'consumer.before-transaction', 'consumer.effect-before-commit'];

export interface CrashOptions {
  /** Points at which an owner is stopped until another has taken over; all unless given. */
  stopAt?: CrashPoint[];
  /** Whether worlds may run side by side: each needs a log of its own then. */
  together?: boolean;
}

/** What holds on every log, whatever becomes of the processes: each event has its effect once, and in the order of its key. */
export function crashContract(openLog: () => Promise<SharedLog>, { stopAt = stopPoints, together = true }: CrashOptions = {}): void {
  describe('every event has its effect once and in order', () => {
    let world: CrashWorld;
    beforeEach(async () => {
      world = await CrashWorld.open(openLog);
    });
    afterEach(() => world.close());

    it('whatever point the process is killed at, the first or a later time', async () => {
      for (const hit of [1, 3]) {
        for (const points of killPoints) {
          for (const point of points) {
            const child = world.start({ events: 200, at: { point, hit, signal: 'SIGKILL' } });
            expect({ point, hit, end: await world.ended(child) }).toEqual({ point, hit, end: 'SIGKILL' });
          }
          expect(await world.ended(world.start({ events: 10 }))).toBe('exit 0');
        }
      }
      await world.expectOnceInOrder();
    }, 120_000);
  });

  describe('an owner that is stopped until another has taken over, and then goes on', () => {
    const stopped = (child: ChildProcess) => execFileSync('ps', ['-o', 'stat=', '-p', String(child.pid)], { encoding: 'utf8' }).trim().startsWith('T');

    // Side by side where they can: most of it is waiting for the sessions of the stopped process to end.
    (together ? it.concurrent : it).each<CrashPoint>(stopAt)('at %s: nothing is lost, doubled or out of order', async (point) => {
      const world = await CrashWorld.open(openLog);
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
}
