import { RheiError, serviceNames, type runtime, type ServiceName } from '@rhei/contracts';
import type { Platform } from './platform';

export interface Filter {
  service?: ServiceName;
  eventType: string;
  class: string;
  /** µs; 0 for any age. */
  olderThan: number;
}

export interface Found extends runtime.DeadLetter {
  service: ServiceName;
}

const page = 500;
const away = ['unavailable', 'deadline_exceeded', 'not_found'];

/**
 * The dead letters that the filter finds, the oldest first, at most `limit`; and how many there are in all. A service that
 * does not answer is named in `unanswered`, unless it is the one that was asked for, or none does.
 */
export async function findDeadLetters(platform: Platform, { service, ...filter }: Filter, limit = Infinity): Promise<{ letters: Found[]; total: number; unanswered: string[] }> {
  const read = async (one: ServiceName): Promise<{ letters: Found[]; total: number }> => {
    const letters: Found[] = [];
    for (;;) {
      const wanted = Math.min(page, limit - letters.length);
      const { deadLetters, total } = await platform.ask(platform.operations, platform.operations.listDeadLetters, { service: one, ...filter, after: letters.at(-1)?.id ?? '', limit: wanted });
      letters.push(...deadLetters.map((letter) => ({ ...letter, service: one })));
      if (deadLetters.length < wanted || letters.length >= limit) return { letters, total };
    }
  };
  const settled = await Promise.allSettled((service === undefined ? serviceNames : [service]).map(read));
  const answers = settled.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const unanswered = settled.flatMap((answer, index) => {
    if (answer.status === 'fulfilled') return [];
    if (answers.length === 0 || !(answer.reason instanceof RheiError && away.includes(answer.reason.code))) throw answer.reason;
    return [`${serviceNames[index]} does not answer: ${answer.reason.message}`];
  });
  const letters = answers.flatMap((answer) => answer.letters).sort((a, b) => a.deadAt - b.deadAt).slice(0, Math.min(limit, Number.MAX_SAFE_INTEGER));
  return { letters, total: answers.reduce((sum, answer) => sum + answer.total, 0), unanswered };
}

/**
 * The letter that is meant by `feature/7`, or by 7 and a service, or by 7 alone where one service has it.
 * Errors: `invalid` where it is no such thing or several services have it, `not_found`
 */
export async function deadLetterNamed(platform: Platform, name: string, service?: ServiceName): Promise<runtime.GetDeadLetterResponse & { service: ServiceName }> {
  const [, said, id] = /^(?:([a-z]+)\/)?([1-9]\d*)$/.exec(name) ?? [];
  const named = said === undefined ? service : serviceNamed(said);
  if (id === undefined || (service !== undefined && named !== service)) {
    throw new RheiError('invalid', `"${name}" names no dead letter${service === undefined ? '' : ` of ${service}`}.`, { field: 'id', expected: 'SERVICE/ID, such as feature/7', got: name, hint: 'rhei dead-letters list names them' });
  }
  const get = (one: ServiceName) => platform.ask(platform.operations, platform.operations.getDeadLetter, { service: one, id }).then((letter) => ({ ...letter, service: one }));
  if (named !== undefined) return get(named);
  const answers = await Promise.allSettled(serviceNames.map(get));
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  if (found.length === 1) return found[0];
  if (found.length > 1) throw new RheiError('invalid', `Dead letter ${id} is there in ${found.map((one) => one.service).join(', ')}.`, { field: 'id', expected: 'SERVICE/ID', got: id, hint: `name one: ${found[0].service}/${id}` });
  const other = answers.find((answer) => answer.status === 'rejected' && !(answer.reason instanceof RheiError && answer.reason.code === 'not_found'));
  if (other?.status === 'rejected') throw other.reason;
  throw new RheiError('not_found', `No service has a dead letter ${id}: it was replayed or dropped, or never was.`, { field: 'id', expected: 'the id of a dead letter', got: id, hint: 'rhei dead-letters list names those that are there' });
}

/** Errors: `invalid` for a word that names none of the six. */
export function serviceNamed(word: string): ServiceName {
  if ((serviceNames as readonly string[]).includes(word)) return word as ServiceName;
  throw new RheiError('invalid', `There is no service "${word}".`, { field: '--service', expected: serviceNames.join(', '), got: word, hint: '"rhei status" shows all six' });
}

/** Replays one, and goes on with what waits behind it for as long as only time was short. */
export async function replayToTheEnd(platform: Platform, service: ServiceName, id: string, reason: string): Promise<runtime.ReplayDeadLetterResponse> {
  return goOn(platform, service, reason, await platform.ask(platform.operations, platform.operations.replayDeadLetter, { service, id, reason }, 25));
}

/** Drops one, and handles what waits behind it. */
export async function dropToTheEnd(platform: Platform, service: ServiceName, id: string, reason: string): Promise<runtime.DropDeadLetterResponse> {
  return goOn(platform, service, reason, await platform.ask(platform.operations, platform.operations.dropDeadLetter, { service, id, reason }, 25));
}

async function goOn(platform: Platform, service: ServiceName, reason: string, first: runtime.ReplayDeadLetterResponse): Promise<runtime.ReplayDeadLetterResponse> {
  let last = first;
  let { applied } = first;
  while (last.stoppedAt?.state === 'held') {
    last = await platform.ask(platform.operations, platform.operations.replayDeadLetter, { service, id: last.stoppedAt.id, reason }, 25);
    applied += last.applied;
  }
  return { ...last, applied };
}
