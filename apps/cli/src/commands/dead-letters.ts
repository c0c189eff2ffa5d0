import { RheiError, type runtime, type ServiceName } from '@rhei/contracts';
import { formatInstant, parseDuration } from '@rhei/expressions';
import { Command, InvalidArgumentError } from 'commander';
import type { Context } from '../context';
import { deadLetterNamed, dropToTheEnd, findDeadLetters, replayToTheEnd, serviceNamed, type Filter, type Found } from '../dead-letters';
import { explained } from '../help';
import { minute } from '../minute';
import { positive, valueBy } from '../option-values';
import { pairs, table } from '../table';

interface FilterOptions {
  service?: ServiceName;
  type?: string;
  class?: string;
  olderThan?: number;
}
type Letter = runtime.GetDeadLetterResponse & { service: ServiceName };

export function deadLettersCommand(context: Context): Command {
  const group = explained(new Command('dead-letters'), {
    purpose: 'Shows events that a service could not apply, and puts them right: later events of their key wait behind them.',
    examples: ['rhei dead-letters list', 'rhei dead-letters show feature/7', 'rhei dead-letters replay feature/7'],
  });
  group.addCommand(filtered(explained(new Command('list'), {
    purpose: 'Lists dead letters, the oldest first, with what is wrong with each and how many events wait behind it.',
    examples: ['rhei dead-letters list', 'rhei dead-letters list --service feature --class failed --older-than 1h'],
  })).option('--limit <n>', 'how many', positive, 50)
    .action((options: FilterOptions & { limit: number }) => list(context, options)));
  group.addCommand(one(explained(new Command('show'), {
    purpose: 'Shows one as it came: its headers, its bytes and what they say, where it stood, and why it was set aside.',
    examples: ['rhei dead-letters show feature/7', 'rhei dead-letters show feature/7 --json'],
  })).action((id: string, { service }: { service?: ServiceName }) => show(context, id, service)));
  group.addCommand(filtered(explained(new Command('replay'), {
    purpose: 'Handles an event again under its own id, and then those that wait behind it, in their order, until one fails.',
    examples: ['rhei dead-letters replay feature/7', 'rhei dead-letters replay --all --service feature --class failed --dry-run'],
  })).argument('[id]', 'SERVICE/ID, as the list names it').option('--all', 'all that the filters find')
    .option('--reason <text>', 'stays with the decision', '').option('--dry-run', 'say what would be done, and do nothing')
    .action((id: string | undefined, options: FilterOptions & { all?: boolean; reason: string; dryRun?: boolean }) => replay(context, id, options)));
  group.addCommand(one(explained(new Command('drop'), {
    purpose: 'Gives an event up for good, with a reason, and handles those that wait behind it. It shows the event and asks.',
    examples: ['rhei dead-letters drop feature/7 --reason "sent by a test"'],
  })).requiredOption('--reason <text>', 'why; stays with the decision').option('--dry-run', 'say what would be done, and do nothing').option('--yes', 'do not ask')
    .action((id: string, options: { service?: ServiceName; reason: string; dryRun?: boolean; yes?: boolean }) => drop(context, id, options)));
  return group;
}

const one = (command: Command): Command => command.argument('<id>', 'SERVICE/ID, as the list names it').option('--service <service>', 'the service, where the id alone is given', serviceWord);
const filtered = (command: Command): Command => command
  .option('--service <service>', 'only of this service', serviceWord)
  .option('--type <type>', 'only events of this CloudEvents type')
  .option('--class <class>', 'refused, failed, crashed, undecodable, unknown-type or held')
  .option('--older-than <duration>', 'only those that were set aside so long ago, such as 1h', age);

function serviceWord(word: string): ServiceName {
  try {
    return serviceNamed(word);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as RheiError).message} Expected ${(error as RheiError).details.expected}.`);
  }
}
const age = valueBy(parseDuration);

const filterOf = ({ service, type = '', class: kind = '', olderThan = 0 }: FilterOptions): Filter => ({ ...(service !== undefined && { service }), eventType: type, class: kind, olderThan });
const nameOf = ({ service, id }: Pick<Found, 'service' | 'id'>): string => `${service}/${id}`;
const asJson = ({ service, id, failedAt, deadAt, ...letter }: Found): object => ({ id: `${service}/${id}`, service, ...letter, failedAt: formatInstant(failedAt), deadAt: formatInstant(deadAt) });
const shortType = (type: string): string => type.replace(/^rhei\./, '').replace(/\.v\d+$/, '');

const tableOf = (letters: Found[], width: number): string => table(
  [{ head: 'ID' }, { head: 'SET ASIDE' }, { head: 'EVENT', cut: true }, { head: 'KEY', cut: true }, { head: 'CLASS' }, { head: 'WAITING', right: true }, { head: 'REASON', cut: true }],
  letters.map((letter) => [nameOf(letter), minute(letter.deadAt), shortType(letter.eventType), letter.key, letter.class, String(letter.waiting), letter.reason]), width,
);

async function list(context: Context, { limit, ...options }: FilterOptions & { limit: number }): Promise<void> {
  const { letters, total, unanswered } = await findDeadLetters(context.platform, filterOf(options), limit);
  context.result({ total, deadLetters: letters.map(asJson), ...(unanswered.length > 0 && { unanswered }) }, () => (letters.length === 0 ? '' : tableOf(letters, context.width)));
  if (letters.length === 0) context.suggest('There are no dead letters like that.');
  else context.suggest(`${letters.length < total ? `${letters.length} of ${total}. ` : ''}Look at one: rhei dead-letters show ${nameOf(letters[0])}`);
  complain(context, unanswered);
}

/** What could not be asked: the answer is not the whole one. */
function complain(context: Context, unanswered: string[]): void {
  for (const one of unanswered) context.say(one);
  if (unanswered.length > 0) context.exitCode = 7;
}

async function show(context: Context, name: string, service: ServiceName | undefined): Promise<void> {
  const letter = await deadLetterNamed(context.platform, name, service);
  const { deadLetter, headers, payload, digest, payloadJson, unreadable, waitingEventIds } = letter;
  context.result({
    ...asJson({ ...deadLetter!, service: letter.service }), headers, payload: payload.toString('base64'), digest,
    data: payloadJson === '' ? null : JSON.parse(payloadJson), unreadable: unreadable || null, waitingEventIds,
  }, () => described(letter, context.width));
  context.suggest(`Once its cause is gone: rhei dead-letters replay ${nameOf({ service: letter.service, id: deadLetter!.id })}`);
}

function described({ service, deadLetter, headers, payload, digest, payloadJson, unreadable, waitingEventIds }: Letter, width: number): string {
  const { id, subscription, eventType, eventId, topic, partition, position, key, reason, failedAt, deadAt, class: kind, attempts, parks, waiting } = deadLetter!;
  const hex = payload.toString('hex').match(/.{1,64}/g) ?? [];
  const shownLines = 16;
  return [
    pairs([
      ['dead letter', `${service}/${id}`], ['event', `${eventType} ${eventId}`], ['key', key], ['stood at', `${topic} ${partition}@${position}, for ${subscription}`],
      ['class', kind], ['reason', reason.replace(/\s*\n\s*/g, ' ')], ['attempts', `${attempts}, the first at ${formatInstant(failedAt)}`], ['set aside', formatInstant(deadAt)],
      ['behind it', parks ? `${waiting} waiting${waitingEventIds.length === 0 ? '' : `: ${waitingEventIds.join(', ')}${waiting > waitingEventIds.length ? ', …' : ''}`}` : 'nothing waits: it holds nothing back'],
    ], width),
    '\nHeaders\n', pairs(Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1)).map(([header, value]) => [`  ${header}`, value])),
    `\nPayload (${payload.length} bytes)\n  SHA-256 ${digest}\n`,
    payloadJson === '' ? `  cannot be read: ${unreadable}\n` : `${JSON.stringify(JSON.parse(payloadJson), null, 2).replace(/^/gm, '  ')}\n`,
    ...hex.slice(0, shownLines).map((line) => `  ${line}\n`),
    hex.length > shownLines ? `  … ${payload.length - shownLines * 32} bytes more; --json has all of them in base64\n` : '',
  ].join('');
}

async function replay(context: Context, name: string | undefined, { all, reason, dryRun, ...options }: FilterOptions & { all?: boolean; reason: string; dryRun?: boolean }): Promise<void> {
  if ((name === undefined) === (all !== true)) throw new RheiError('invalid', 'Name one dead letter, or say --all.', { field: 'id', expected: 'SERVICE/ID, or --all', got: name === undefined ? 'nothing' : 'both', hint: 'rhei dead-letters replay feature/7, or rhei dead-letters replay --all --service feature' });
  if (name !== undefined && (options.type ?? options.class ?? options.olderThan) !== undefined) throw new RheiError('invalid', 'The filters choose among --all; one that is named needs none.', { field: 'id', expected: 'SERVICE/ID, or --all with filters', got: 'both', hint: 'leave --type, --class and --older-than out' });
  const { platform } = context;
  const found = name === undefined ? await findDeadLetters(platform, filterOf(options)) : undefined;
  const letters = found?.letters ?? [await deadLetterNamed(platform, name!, options.service).then(({ deadLetter, service }) => ({ ...deadLetter!, service }))];
  complain(context, found?.unanswered ?? []);
  if (dryRun === true) return plan(context, 'replayed', letters);
  const done: Outcome[] = [];
  for (const letter of letters) {
    const outcome = await outcomeOf(letter, () => replayToTheEnd(platform, letter.service, letter.id, reason));
    done.push(outcome);
    // A letter that is named is the whole of what was asked: then its failure is the command's.
    if (name !== undefined && outcome.error !== undefined) throw outcome.error;
    if (!context.json) context.terminal.stdout.write(line(outcome));
  }
  finish(context, done, 'replayed');
}

async function drop(context: Context, name: string, { service, reason, dryRun, yes }: { service?: ServiceName; reason: string; dryRun?: boolean; yes?: boolean }): Promise<void> {
  const { platform } = context;
  const letter = await deadLetterNamed(platform, name, service);
  const found = { ...letter.deadLetter!, service: letter.service };
  if (dryRun === true) return plan(context, 'dropped', [found]);
  if (yes !== true) {
    if (!context.json) context.terminal.stderr.write(`${described(letter, context.width)}\n`);
    await context.confirm(`Give up event ${found.eventId} for good?`);
  }
  const answer = await dropToTheEnd(platform, found.service, found.id, reason);
  const outcome: Outcome = { letter: found, done: true, ...answer };
  if (!context.json) context.terminal.stdout.write(`${nameOf(found)}: dropped${answer.applied > 0 ? `; ${answer.applied} that waited behind it handled` : ''}.\n${stopLine(outcome)}`);
  finish(context, [outcome], 'dropped');
}

interface Outcome {
  letter: Found;
  /** The letter itself is gone. */
  done: boolean;
  applied: number;
  stoppedAt?: runtime.DeadLetterStop;
  error?: RheiError;
}

async function outcomeOf(letter: Found, act: () => Promise<runtime.ReplayDeadLetterResponse>): Promise<Outcome> {
  try {
    const { applied, stoppedAt } = await act();
    return { letter, done: stoppedAt?.id !== letter.id, applied, stoppedAt };
  } catch (error) {
    // Another letter of the key is in its way, or somebody was quicker: the next ones are tried all the same.
    if (error instanceof RheiError && (error.code === 'conflict' || error.code === 'not_found')) return { letter, done: false, applied: 0, error };
    throw error;
  }
}

function plan(context: Context, verb: string, letters: Found[]): void {
  const waiting = letters.reduce((sum, letter) => sum + letter.waiting, 0);
  context.result({ dryRun: true, [verb]: letters.map(asJson), waiting }, () => (letters.length === 0 ? '' : tableOf(letters, context.width)));
  context.suggest(`A plan: ${letters.length} would be ${verb}, and ${waiting} that wait behind handled. Nothing was done.`);
}

const line = (outcome: Outcome): string => {
  const { letter, done, applied, error } = outcome;
  if (error !== undefined) return `${nameOf(letter)}: not replayed: ${error.message}\n`;
  return `${done ? `${nameOf(letter)}: ${applied === 1 ? 'one event' : `${applied} events`} handled.\n` : ''}${stopLine(outcome)}`;
};
const stopLine = ({ letter, stoppedAt }: Outcome): string => (stoppedAt === undefined ? '' : `${nameOf({ service: letter.service, id: stoppedAt.id })}: ${stoppedAt.state === 'failed' ? 'failed' : 'stands in the way, it was dead before'}: ${stoppedAt.reason}\n`);

function finish(context: Context, outcomes: Outcome[], verb: string): void {
  const failed = outcomes.filter(({ done, stoppedAt, error }) => !done || stoppedAt !== undefined || error !== undefined);
  const applied = outcomes.reduce((sum, outcome) => sum + outcome.applied, 0);
  if (context.json) {
    context.result({
      [verb]: outcomes.filter(({ done }) => done).length, applied,
      deadLetters: outcomes.map(({ letter, done, applied: count, stoppedAt, error }) => ({
        id: nameOf(letter), eventId: letter.eventId, done, applied: count, stoppedAt: stoppedAt === undefined ? null : { ...stoppedAt, id: nameOf({ service: letter.service, id: stoppedAt.id }) }, error: error?.message ?? null,
      })),
    }, () => '');
  }
  if (outcomes.length === 0) context.suggest('There are no dead letters like that.');
  else if (outcomes.length > 1) context.suggest(`${outcomes.length - failed.length} of ${outcomes.length} keys go on; ${applied} events were handled.`);
  if (failed.length > 0) context.exitCode = 1;
}
