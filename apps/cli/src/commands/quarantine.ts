import { RheiError, type ingestion } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { Command } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { changedEvent, jsonOrFile, type EventChange } from '../mend-event';
import { minute } from '../minute';
import { positive } from '../option-values';
import { pairs, table } from '../table';

interface FilterOptions {
  source?: string;
  type?: string;
  code?: string;
}
interface FixOptions extends Partial<EventChange> {
  content?: string;
  event?: string;
  reason: string;
}

/** Rows that one call replays; a command goes on until there are no more. */
const page = 500;

export function quarantineCommand(context: Context): Command {
  const group = explained(new Command('quarantine'), {
    purpose: 'Shows events that broke their contract, and takes them in once they are mended.',
    examples: ['rhei quarantine list', 'rhei quarantine show 7', 'rhei quarantine fix 7 --set data.delay=12 --reason "sent in seconds"', 'rhei quarantine replay --source shop'],
  });
  group.addCommand(filtered(explained(new Command('list'), {
    purpose: 'Lists events that broke their contract, the newest first, with the rule that each broke and what became of it.',
    examples: ['rhei quarantine list', 'rhei quarantine list --source shop --state open --limit 20'],
  })).option('--state <state>', 'open or mended')
    .option('--limit <n>', 'how many', positive, 50)
    .option('--after <id>', 'go on after this row')
    .action(({ source = '', type = '', code = '', state = '', limit, after = '' }: FilterOptions & { state?: string; limit: number; after?: string }) => list(context, { source, type, code, state, limit, after })), { isDefault: true });
  group.addCommand(explained(new Command('show'), {
    purpose: 'Shows one as it was sent, what is wrong with it, and how it was mended.',
    examples: ['rhei quarantine show 7', 'rhei quarantine show 7 --json'],
  }).argument('<id>', 'as the list names it').action((id: string) => show(context, id)));
  group.addCommand(explained(new Command('fix'), {
    purpose: 'Takes an event in as it should have been: under its own id, at its own event time. Who did it stays on record.',
    examples: ['rhei quarantine fix 7 --set data.delay=12 --reason "sent in seconds"', 'rhei quarantine fix 7 --content mended.json', `rhei quarantine fix 7 --content '{"order":"o1","total":5}'`, 'rhei quarantine fix 7 --unset data.note'],
  }).argument('<id>', 'as the list names it')
    .option('--set <path=value>', 'changes a field of the event, written as faults name it; may be repeated', collected, [])
    .option('--unset <path>', 'takes a field away; may be repeated', collected, [])
    .option('--content <json|file>', 'all of its data; the attributes stay')
    .option('--event <json|file>', 'the whole event, a CloudEvent in JSON')
    .option('--reason <text>', 'stays with the decision', '')
    .action((id: string, options: FixOptions) => fix(context, id, options)));
  group.addCommand(filtered(explained(new Command('replay'), {
    purpose: 'Judges events again, as they were sent, under the contract in force: for a contract that was mended. What still breaks it stays.',
    examples: ['rhei quarantine replay 7 9', 'rhei quarantine replay --source shop --type order.placed --dry-run', 'rhei quarantine replay --source shop --reason "the limit was wrong"'],
  })).argument('[ids...]', 'as the list names them').option('--all', 'all that are open')
    .option('--reason <text>', 'stays with the decisions', '').option('--dry-run', 'say what would become of them, and do nothing')
    .action((ids: string[], options: FilterOptions & { all?: boolean; reason: string; dryRun?: boolean }) => replay(context, ids, options)));
  return group;
}

const filtered = (command: Command): Command => command
  .option('--source <source>', 'only events of this source')
  .option('--type <type>', 'only events of this type')
  .option('--code <code>', 'only those kept for this: rejected, conflict, invalid, too_large, forbidden, not_found or internal');
const collected = (text: string, before: string[]): string[] => [...before, text];

const asJson = ({ original, receivedAt, topic, partition, position, headers, key, state, mendedBy, mendedAt, reason, outcome, mendedDigest, ...event }: ingestion.QuarantinedEvent) => ({
  ...event, receivedAt: formatInstant(receivedAt), original: Buffer.from(original).toString('utf8'),
  ...(Object.keys(headers).length > 0 && { headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString('utf8')])) }),
  ...(topic !== '' && { topic, partition, position, key: Buffer.from(key).toString('utf8') }),
  state, ...(state === 'mended' && { mended: { by: mendedBy, at: formatInstant(mendedAt), reason, outcome, digest: mendedDigest } }),
});

async function list(context: Context, request: ingestion.ListQuarantineRequest): Promise<void> {
  const { platform } = context;
  const { events, total } = await platform.ask(platform.ingestion, platform.ingestion.listQuarantine, request);
  context.result({ total, events: events.map(asJson) }, () => (events.length === 0 ? '' : table(
    [{ head: 'ID' }, { head: 'STATE' }, { head: 'RECEIVED' }, { head: 'SOURCE', cut: true }, { head: 'EVENT' }, { head: 'CODE' }, { head: 'FIELD', cut: true }, { head: 'RULE', cut: true }],
    events.map(({ id, state, receivedAt, source, eventId, code, field, rule }) => [id, state, minute(receivedAt), source, eventId, code, field, rule]), context.width,
  )));
  if (events.length === 0) context.suggest(request.after === '' ? 'Nothing like that is in quarantine.' : 'There is no more.');
  else if (events.length < total) context.suggest(`${events.length} of ${total}. Go on: rhei quarantine list --after ${events.at(-1)!.id}`);
  else context.suggest(`Look at one: rhei quarantine show ${events[0].id}`);
}

async function show(context: Context, id: string): Promise<void> {
  const { platform } = context;
  const { event, eventJson } = await platform.ask(platform.ingestion, platform.ingestion.getQuarantined, { id });
  context.result({ ...asJson(event!), event: eventJson === '' ? null : JSON.parse(eventJson) }, () => described(event!, eventJson));
  if (event!.state === 'open') context.suggest(event!.code === 'conflict' ? 'Its id is a record with other content, and that stays: send a correction under a new id.' : `Mend it: rhei quarantine fix ${id} --set ${/^data\./.test(event!.field) ? event!.field : 'data.FIELD'}=VALUE --reason WHY`);
}

function described(event: ingestion.QuarantinedEvent, eventJson: string): string {
  const { id, source, eventId, eventType, code, field, rule, hint, sender, receivedAt, original, contentDigest, topic, partition, position, state, mendedBy, mendedAt, reason, outcome } = event;
  return [
    pairs([
      ['quarantine', `${id}, ${state}`], ['event', `${eventId} of ${source}, ${eventType}`], ['code', code], ['field', field], ['rule', rule], ...(hint === '' ? [] : [['hint', hint] as [string, string]]),
      ['sent by', `${sender} at ${formatInstant(receivedAt)}`], ...(topic === '' ? [] : [['stood at', `${topic} ${partition}@${position}`] as [string, string]]), ['content', contentDigest],
      ...(state === 'mended' ? [['mended by', `${mendedBy} at ${formatInstant(mendedAt)}: ${outcome}`], ['reason', reason || 'none given']] as [string, string][] : []),
    ]),
    '\nAs it was sent\n',
    eventJson === '' ? `${Buffer.from(original).toString('utf8').replace(/^/gm, '  ')}\n` : `${JSON.stringify(JSON.parse(eventJson), null, 2).replace(/^/gm, '  ')}\n`,
  ].join('');
}

async function fix(context: Context, id: string, { set = [], unset = [], content, event, reason }: FixOptions): Promise<void> {
  const given = [set.length + unset.length > 0, content !== undefined, event !== undefined].filter(Boolean).length;
  if (given !== 1) {
    throw new RheiError('invalid', `Say how the event is mended in one way: with --set and --unset, with --content, or with --event; ${given === 0 ? 'none' : `${given}`} was given.`, { field: '--set', expected: 'one of --set/--unset, --content, --event', got: `${given}`, hint: `rhei quarantine fix ${id} --set data.delay=12` });
  }
  const { platform } = context;
  const eventJson = event !== undefined ? jsonOrFile(event, '--event') : content !== undefined ? '' : JSON.stringify(changedEvent(await eventOf(context, id), { set, unset }));
  const answer = await platform.ask(platform.ingestion, platform.ingestion.fixQuarantined, { id, eventJson, dataJson: content === undefined ? '' : jsonOrFile(content, '--content'), reason });
  const row = answer.event!;
  context.result({ status: answer.status, arrival: formatInstant(answer.arrival), event: asJson(row) }, () =>
    `${row.id}: event ${row.eventId} of ${row.source} is mended: ${answer.status === 'accepted' ? `a record that arrived at ${formatInstant(answer.arrival)}` : 'its content was a record already'}.\n`);
  context.suggest(`See what became of it: rhei why event ${row.source}/${row.eventId}`);
}

async function eventOf({ platform }: Context, id: string): Promise<Record<string, unknown>> {
  const { eventJson } = await platform.ask(platform.ingestion, platform.ingestion.getQuarantined, { id });
  if (eventJson === '') throw new RheiError('invalid', `Event ${id} in quarantine cannot be read as a CloudEvent, so no field of it can be set.`, { field: '--set', expected: '--event', got: '--set', hint: `rhei quarantine show ${id}, then rhei quarantine fix ${id} --event FILE` });
  return JSON.parse(eventJson) as Record<string, unknown>;
}

async function replay(context: Context, ids: string[], { source = '', type = '', code = '', all, reason, dryRun = false }: FilterOptions & { all?: boolean; reason: string; dryRun?: boolean }): Promise<void> {
  const chosen = [source, type, code].some((text) => text !== '');
  if (ids.length === 0 && !chosen && all !== true) throw new RheiError('invalid', 'Name events, say which by a filter, or say --all.', { field: 'ids', expected: 'ids, --source, --type, --code or --all', got: 'nothing', hint: 'rhei quarantine replay --source shop --dry-run' });
  if (ids.length > 0 && (chosen || all === true)) throw new RheiError('invalid', 'Events that are named need no filter.', { field: 'ids', expected: 'ids, or a filter', got: 'both' });
  const events: ingestion.ReplayedEvent[] = [];
  const { platform } = context;
  for (let after = '', more = true; more; after = events.at(-1)?.id ?? '') {
    const answer = await platform.ask(platform.ingestion, platform.ingestion.replayQuarantined, { ids, source, type, code, limit: ids.length > 0 ? 0 : page, after, dryRun, reason });
    events.push(...answer.events);
    more = ids.length === 0 && answer.left > 0;
    if (more) context.suggest(`${events.length} done, ${answer.left} to go.`);
  }
  const taken = events.filter(({ status }) => status === 'accepted' || status === 'duplicate').length;
  context.result({ dryRun, taken, stay: events.length - taken, events: events.map(replayedAsJson) }, () => (events.length === 0 ? '' : table(
    [{ head: 'ID' }, { head: 'SOURCE', cut: true }, { head: 'EVENT' }, { head: 'OUTCOME' }, { head: 'FIELD', cut: true }, { head: 'RULE', cut: true }],
    events.map(({ id, source: of, eventId, status, field, rule }) => [id, of, eventId, status, field, rule]), context.width,
  )));
  if (events.length === 0) context.suggest('Nothing like that is open in quarantine.');
  else context.suggest(dryRun ? `A plan: ${taken} would be taken in, ${events.length - taken} would stay. Nothing was done.` : `${taken} taken in; ${events.length - taken} stay in quarantine.`);
  // What was named was asked for; a filter asks for what can be had.
  if (ids.length > 0 && taken < events.length) context.exitCode = 1;
  const [first] = ids.length > 0 ? events.filter(({ message }) => message !== '') : [];
  if (first !== undefined) context.suggest(`${first.id}: ${first.message}`);
}

const replayedAsJson = ({ message, field, rule, expected, got, hint, ...event }: ingestion.ReplayedEvent) =>
  ({ ...event, ...(message !== '' && { fault: { message, field, rule, expected, got, hint } }) });
