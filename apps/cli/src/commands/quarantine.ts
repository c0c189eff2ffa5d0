import { RheiError, type ingestion } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { Command } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { changing, jsonOrFile, type EventChange } from '../mend-event';
import { mendedBatches } from '../mended-batches';
import { minute } from '../minute';
import { asOptions, positive } from '../option-values';
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

interface ReplayOptions extends FilterOptions, Partial<EventChange> {
  all?: boolean;
  reason: string;
  dryRun?: boolean;
}

/** Rows that one call replays; a command goes on until there are no more. */
const page = 500;

export function quarantineCommand(context: Context): Command {
  const group = explained(new Command('quarantine'), {
    purpose: 'Shows events that broke their contract, and takes them in once they are mended.',
    examples: ['rhei quarantine list', 'rhei quarantine show 7', 'rhei quarantine fix 7 --set data.delay=12 --reason "sent in seconds"', 'rhei quarantine replay --source shop --rename data.sum=data.total'],
  });
  group.addCommand(filtered(explained(new Command('list'), {
    purpose: 'Lists events that broke their contract, the newest first, with the rule that each broke and what became of it.',
    examples: ['rhei quarantine list', 'rhei quarantine list --source shop --state open --limit 20'],
  })).option('--state <state>', 'open or mended')
    .option('--limit <n>', 'how many', positive, 50)
    .option('--after <id>', 'go on after this row')
    .action(({ source = '', type = '', code = '', state = '', limit, after = '' }: FilterOptions & { state?: string; limit: number; after?: string }) => list(context, { source, type, code, state, limit, after })));
  group.addCommand(explained(new Command('show'), {
    purpose: 'Shows one as it was sent, what is wrong with it, and how it was mended.',
    examples: ['rhei quarantine show 7', 'rhei quarantine show 7 --json'],
  }).argument('<id>', 'as the list names it').action((id: string) => show(context, id)));
  group.addCommand(withChanges(explained(new Command('fix'), {
    purpose: 'Takes an event in as it should have been: under its own id, at its own event time. Who did it stays on record.',
    examples: ['rhei quarantine fix 7 --set data.delay=12 --reason "sent in seconds"', 'rhei quarantine fix 7 --content mended.json', `rhei quarantine fix 7 --content '{"order":"o1","total":5}'`, 'rhei quarantine fix 7 --unset data.note'],
  }).argument('<id>', 'as the list names it'))
    .option('--content <json|file>', 'all of its data; the attributes stay')
    .option('--event <json|file>', 'the whole event, a CloudEvent in JSON')
    .option('--reason <text>', 'stays with the decision', '')
    .action((id: string, options: FixOptions) => fix(context, id, options)));
  group.addCommand(withChanges(filtered(explained(new Command('replay'), {
    purpose: 'Judges events again under the contract in force: as they were sent, for a contract that was mended, or all changed in one way. What still breaks it stays.',
    examples: ['rhei quarantine replay 7 9', 'rhei quarantine replay --source shop --reason "the limit was wrong"', 'rhei quarantine replay --source shop --type order.placed --rename data.sum=data.total --dry-run'],
  }))).argument('[ids...]', 'as the list names them').option('--all', 'all that are open')
    .option('--reason <text>', 'stays with the decisions', '').option('--dry-run', 'say what would become of them, and do nothing')
    .action((ids: string[], options: ReplayOptions) => replay(context, ids, options)));
  return group;
}

const filtered = (command: Command): Command => command
  .option('--source <source>', 'only events of this source')
  .option('--type <type>', 'only events of this type')
  .option('--code <code>', 'only those kept for this: rejected, conflict, invalid, too_large, forbidden, not_found or internal');
const withChanges = (command: Command): Command => command
  .option('--rename <path=path>', 'gives a field of the event another name, both written as faults name them; may be repeated', collected, [])
  .option('--set <path=value>', 'changes a field; may be repeated', collected, [])
  .option('--unset <path>', 'takes a field away; may be repeated', collected, []);
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
  else if (events.length < total) context.suggest(`${events.length} of ${total}. Go on: rhei quarantine list${asOptions({ ...request, after: events.at(-1)!.id })}`);
  else context.suggest(`Look at one: rhei quarantine show ${events[0].id}`);
}

async function show(context: Context, id: string): Promise<void> {
  const { platform } = context;
  const { event, eventJson } = await platform.ask(platform.ingestion, platform.ingestion.getQuarantined, { id });
  context.result({ ...asJson(event!), event: eventJson === '' ? null : JSON.parse(eventJson) }, () => described(event!, eventJson, context.width));
  if (event!.state === 'open') context.suggest(event!.code === 'conflict' ? 'Its id is a record with other content, and that stays: send a correction under a new id.' : `Mend it: rhei quarantine fix ${id} --set ${/^data\./.test(event!.field) ? event!.field : 'data.FIELD'}=VALUE --reason WHY`);
}

function described(event: ingestion.QuarantinedEvent, eventJson: string, width: number): string {
  const { id, source, eventId, eventType, code, field, rule, hint, sender, receivedAt, original, contentDigest, topic, partition, position, state, mendedBy, mendedAt, reason, outcome } = event;
  return [
    pairs([
      ['quarantine', `${id}, ${state}`], ['event', `${eventId} of ${source}, ${eventType}`], ['code', code], ['field', field], ['rule', rule], ...(hint === '' ? [] : [['hint', hint] as [string, string]]),
      ['sent by', `${sender} at ${formatInstant(receivedAt)}`], ...(topic === '' ? [] : [['stood at', `${topic} ${partition}@${position}`] as [string, string]]), ['content', contentDigest],
      ...(state === 'mended' ? [['mended by', `${mendedBy} at ${formatInstant(mendedAt)}: ${outcome}`], ['reason', reason || 'none given']] as [string, string][] : []),
    ], width),
    '\nAs it was sent\n',
    eventJson === '' ? `${Buffer.from(original).toString('utf8').replace(/^/gm, '  ')}\n` : `${JSON.stringify(JSON.parse(eventJson), null, 2).replace(/^/gm, '  ')}\n`,
  ].join('');
}

async function fix(context: Context, id: string, { rename = [], set = [], unset = [], content, event, reason }: FixOptions): Promise<void> {
  const given = [rename.length + set.length + unset.length > 0, content !== undefined, event !== undefined].filter(Boolean).length;
  if (given !== 1) {
    throw new RheiError('invalid', `Say how the event is mended in one way: with --rename, --set and --unset, with --content, or with --event; ${given === 0 ? 'none' : `${given}`} was given.`, { field: '--set', expected: 'one of --rename/--set/--unset, --content, --event', got: `${given}`, hint: `rhei quarantine fix ${id} --set data.delay=12` });
  }
  const { platform } = context;
  const eventJson = event !== undefined ? jsonOrFile(event, '--event') : content !== undefined ? '' : JSON.stringify(changing({ rename, set, unset })(await eventOf(context, id)));
  const answer = await platform.ask(platform.ingestion, platform.ingestion.fixQuarantined, { id, eventJson, dataJson: content === undefined ? '' : jsonOrFile(content, '--content'), reason });
  const row = answer.event!;
  context.result({ status: answer.status, arrival: formatInstant(answer.arrival), event: asJson(row) }, () =>
    `${row.id}: event ${row.eventId} of ${row.source} is mended: ${answer.status === 'accepted' ? `a record that arrived at ${formatInstant(answer.arrival)}` : 'its content was a record already'}.\n`);
  context.suggest(`See what became of it: rhei why event ${row.source}/${row.eventId}`);
}

async function eventOf({ platform }: Context, id: string): Promise<Record<string, unknown>> {
  return asObject(id, (await platform.ask(platform.ingestion, platform.ingestion.getQuarantined, { id })).eventJson);
}

function asObject(id: string, eventJson: string): Record<string, unknown> {
  if (eventJson === '') throw new RheiError('invalid', `Event ${id} in quarantine cannot be read as a CloudEvent, so no field of it can be set.`, { field: '--set', expected: '--event', got: '--set', hint: `rhei quarantine show ${id}, then rhei quarantine fix ${id} --event FILE` });
  return JSON.parse(eventJson) as Record<string, unknown>;
}

async function replay(context: Context, ids: string[], options: ReplayOptions): Promise<void> {
  const { source = '', type = '', code = '', all, reason, dryRun = false, rename = [], set = [], unset = [] } = options;
  const chosen = [source, type, code].some((text) => text !== '');
  if (ids.length === 0 && !chosen && all !== true) throw new RheiError('invalid', 'Name events, say which by a filter, or say --all.', { field: 'ids', expected: 'ids, --source, --type, --code or --all', got: 'nothing', hint: 'rhei quarantine replay --source shop --dry-run' });
  if (ids.length > 0 && (chosen || all === true)) throw new RheiError('invalid', 'Events that are named need no filter.', { field: 'ids', expected: 'ids, or a filter', got: 'both' });
  const filter = { source, type, code };
  const events = rename.length + set.length + unset.length > 0
    ? await replayChanged(context, ids, filter, changing({ rename, set, unset }), { reason, dryRun })
    : await replayAsSent(context, ids, filter, { reason, dryRun });
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

async function replayAsSent(context: Context, ids: string[], filter: Required<FilterOptions>, how: { reason: string; dryRun: boolean }): Promise<ingestion.ReplayedEvent[]> {
  const { platform } = context;
  const events: ingestion.ReplayedEvent[] = [];
  for (let after = '', more = true; more; after = events.at(-1)?.id ?? '') {
    const answer = await platform.ask(platform.ingestion, platform.ingestion.replayQuarantined, { ids, mended: [], ...filter, limit: ids.length > 0 ? 0 : page, after, ...how });
    events.push(...answer.events);
    more = ids.length === 0 && answer.left > 0;
    if (more) context.suggest(`${events.length} done, ${answer.left} to go.`);
  }
  return events;
}

/** All of them changed in one way. What cannot be changed so stays as it is. */
async function replayChanged(context: Context, ids: string[], filter: Required<FilterOptions>, change: ReturnType<typeof changing>, how: { reason: string; dryRun: boolean }): Promise<ingestion.ReplayedEvent[]> {
  const { platform } = context;
  const chosen = ids.length > 0 ? [...new Set(ids)] : await openIds(context, filter);
  const events: ingestion.ReplayedEvent[] = [];
  for (let start = 0; start < chosen.length; start += page) {
    const mended: ingestion.MendedContent[] = [];
    for (const id of chosen.slice(start, start + page)) {
      const { event, eventJson } = await platform.ask(platform.ingestion, platform.ingestion.getQuarantined, { id });
      try {
        mended.push({ id, eventJson: JSON.stringify(change(asObject(id, eventJson))), dataJson: '' });
      } catch (error) {
        if (!(error instanceof RheiError)) throw error;
        const { source, eventId, eventType } = event!;
        const { field = '', rule = '', expected = '', got = '', hint = '' } = error.details;
        events.push({ id, source, eventId, eventType, status: error.code, message: error.message, field, rule, expected, got, hint });
      }
    }
    for (const batch of mendedBatches(mended)) {
      events.push(...(await platform.ask(platform.ingestion, platform.ingestion.replayQuarantined, { ids: [], mended: batch, source: '', type: '', code: '', limit: 0, after: '', ...how })).events);
    }
    if (start + page < chosen.length) context.suggest(`${events.length} done, ${chosen.length - events.length} to go.`);
  }
  return events;
}

/** The open ones that a filter finds, the oldest first. */
async function openIds({ platform }: Context, filter: Required<FilterOptions>): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const { events } = await platform.ask(platform.ingestion, platform.ingestion.listQuarantine, { ...filter, state: 'open', limit: page, after: ids.at(-1) ?? '' });
    if (events.length === 0) return ids.reverse();
    ids.push(...events.map(({ id }) => id));
  }
}

const replayedAsJson = ({ message, field, rule, expected, got, hint, ...event }: ingestion.ReplayedEvent) =>
  ({ ...event, ...(message !== '' && { fault: { message, field, rule, expected, got, hint } }) });
