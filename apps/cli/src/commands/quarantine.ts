import type { ingestion } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { Command, InvalidArgumentError } from 'commander';
import type { Context } from '../context';
import { explained } from '../help';
import { table } from '../table';

export function quarantineCommand(context: Context): Command {
  const group = explained(new Command('quarantine'), { purpose: 'Lists events that broke their contract.', examples: ['rhei quarantine list --source shop'] });
  group.addCommand(explained(new Command('list'), { purpose: 'Lists events that broke their contract, with the rule that each broke.', examples: ['rhei quarantine list', 'rhei quarantine list --source shop --limit 20'] })
    .option('--source <source>', 'only events of this source')
    .option('--limit <n>', 'how many', positive, 50)
    .option('--after <id>', 'go on after this row')
    .action(({ source, limit, after }: { source?: string; limit: number; after?: string }) => list(context, { source: source ?? '', limit, after: after ?? '' })));
  return group;
}

/** Reads a whole number above zero. */
export function positive(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError(`Expected a whole number above zero, got "${text}".`);
  return Number(text);
}

const asJson = ({ original, receivedAt, topic, partition, position, headers, key, ...event }: ingestion.QuarantinedEvent) => ({
  ...event, receivedAt: formatInstant(receivedAt), original: Buffer.from(original).toString('utf8'),
  ...(topic !== '' && { topic, partition, position, key: Buffer.from(key).toString('utf8'), headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString('utf8')])) }),
});

async function list(context: Context, request: ingestion.ListQuarantineRequest): Promise<void> {
  const { platform } = context;
  const { events, total } = await platform.ask(platform.ingestion, platform.ingestion.listQuarantine, request);
  context.result({ total, events: events.map(asJson) }, () => (events.length === 0 ? '' : table(
    [{ head: 'RECEIVED' }, { head: 'SOURCE', cut: true }, { head: 'EVENT' }, { head: 'CODE' }, { head: 'FIELD', cut: true }, { head: 'RULE', cut: true }],
    events.map(({ receivedAt, source, eventId, code, field, rule }) => [formatInstant(receivedAt).slice(0, 16).replace('T', ' '), source, eventId, code, field, rule]), context.width,
  )));
  if (events.length === 0) context.suggest(request.after === '' ? 'Nothing is in quarantine.' : 'There is no more.');
  else if (events.length < total) context.suggest(`${events.length} of ${total}. Go on: rhei quarantine list --after ${events.at(-1)!.id}`);
}
