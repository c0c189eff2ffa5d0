import { RheiError, serviceNames, type runtime, type ServiceName } from '@rhei/contracts';
import type { Instant } from '@rhei/expressions';
import { call } from '../connect';
import { ask, isAway, patiently, type Doors } from './doors';

export interface NextTimer {
  service: ServiceName;
  due: Instant;
  kind: string;
  key: string;
}

/** The progress of all services at one moment of quiet. */
export interface Settled {
  time: Instant;
  /** The earliest timer of all services, in the order (due, rank of the service, kind, key). */
  next?: NextTimer;
  /** How far the registry has read, to be compared: what it shows changes by what it hears, by its timers and by people. */
  registry: string;
  /** Seconds of work by service since the platform was started, waiting included; several pieces may run at once. */
  work: Record<string, number>;
  parked: number;
  deadLetters: number;
  lag: number;
}

/** Without any change for this long, a platform that is not quiet is stuck. */
const stuckSeconds = 180;

/**
 * Waits until nothing moves any more: two successive readings of all services are the same, nothing is under way, every
 * outbox is empty and every position is at its head (replay.md, Control).
 */
export async function settle(doors: Doors): Promise<Settled> {
  let before = '';
  let changed = performance.now();
  for (;;) {
    const progress = await readProgress(doors);
    const vector = JSON.stringify(progress);
    const busy = progress.flatMap((one, index) => unfinished(one).map((what) => `${serviceNames[index]}: ${what}`));
    if (busy.length === 0 && vector === before) return summary(progress);
    if (vector !== before) changed = performance.now();
    if (performance.now() - changed > stuckSeconds * 1000) {
      throw new RheiError('internal', `The platform does not come to rest; nothing changed for ${stuckSeconds} s. Unfinished: ${busy.join('; ') || 'nothing is said to be'}.`, {
        hint: 'look at "rhei status" and at the log of the platform',
      });
    }
    before = vector;
  }
}

const readProgress = (doors: Doors): Promise<runtime.GetProgressResponse[]> =>
  Promise.all(serviceNames.map((service) => ask(doors, doors.control, doors.control.getProgress, { service })));

function unfinished(progress: runtime.GetProgressResponse): string[] {
  const behind = progress.positions.filter(({ position, head }) => position < head);
  return [
    ...Object.entries(progress.inFlight).filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`),
    ...(progress.unsent > 0 ? [`${progress.unsent} unsent events`] : []),
    ...behind.map(({ subscription, topic, partition, position, head }) => `${subscription} is ${head - position} events behind on ${topic}/${partition}`),
  ];
}

function summary(progress: runtime.GetProgressResponse[]): Settled {
  const timers = progress.flatMap(({ nextTimer }, index) => (nextTimer === undefined ? [] : [{ service: serviceNames[index], ...nextTimer }]));
  const rank = (service: ServiceName): number => serviceNames.indexOf(service);
  timers.sort((a, b) => a.due - b.due || rank(a.service) - rank(b.service) || compare(a.kind, b.kind) || compare(a.key, b.key));
  return {
    time: Math.max(...progress.map(({ time }) => time)),
    next: timers[0],
    registry: JSON.stringify(progress[serviceNames.indexOf('registry')].positions.map(({ subscription, topic, partition, position }) => [subscription, topic, partition, position])),
    work: Object.fromEntries(serviceNames.map((service, index) => [service, (progress[index].counters.workMilliseconds ?? 0) / 1000])),
    parked: sum(progress.map(({ parked }) => parked)),
    deadLetters: sum(progress.map(({ deadLetters }) => deadLetters)),
    lag: sum(progress.flatMap(({ positions }) => positions.map(({ position, head }) => head - position))),
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

/** Moves the clock of every service; to where it stands is no move. */
export async function moveClock(doors: Doors, time: Instant): Promise<void> {
  await Promise.all(serviceNames.map((service) => ask(doors, doors.control, doors.control.setTime, { service, time })));
}

/**
 * Fires the first due timer of one service. A lost answer is not repeated: the timer has fired or it has not, which the next
 * reading of the progress shows, and a blind repetition could fire another one before its turn.
 */
export async function fireTimer(doors: Doors, { service }: NextTimer): Promise<void> {
  try {
    await call(doors.control, doors.control.runTimer, { service }, { token: doors.tokens.admin });
  } catch (error) {
    if (!isAway(error)) throw error;
    await patiently('find the platform again', () => call(doors.control, doors.control.getProgress, { service }, { token: doors.tokens.admin }));
  }
}
