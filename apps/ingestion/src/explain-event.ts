import { formatInstant } from '@rhei/expressions';
import type { Database, Explanation } from '@rhei/runtime';
import { quarantinedOf } from './quarantine.store';
import { findRecord } from './record.store';

/** What became of the event `<source>/<id>`: the record, and what was kept in quarantine under this id. */
export async function explainEvent({ database }: { database: Database }, name: string): Promise<Explanation | undefined> {
  const slash = name.indexOf('/');
  if (slash < 1) return undefined;
  const [source, id] = [name.slice(0, slash), name.slice(slash + 1)];
  const record = await findRecord(database, source, id);
  const quarantined = await quarantinedOf(database, source, id);
  if (record === undefined && quarantined.length === 0) return undefined;
  const lines = quarantined.flatMap(({ sequence, code, field, rule, hint, sender, receivedAt, stood, mended }) => [
    `${code} at ${formatInstant(receivedAt)}, sent by ${sender}${stood ? `, at ${stood.partition}@${stood.offset}` : ''}: ${field} (${rule})${hint === '' ? '' : `: ${hint}`}; quarantine ${sequence}`,
    ...(mended ? [`mended at ${formatInstant(mended.at)} by ${mended.by}: ${mended.outcome}${mended.reason === '' ? '' : ` (${mended.reason})`}`] : []),
  ]);
  if (record !== undefined) {
    lines.unshift(
      `happened at ${formatInstant(record.eventTime)}, arrived at ${formatInstant(record.arrival)} (${record.arrivalBasis})`,
      `key ${record.key}, shard ${record.shard}, content ${record.contentDigest}`,
      ...(record.identity === '' ? [] : [`fact ${record.identity}, revision ${record.revision}${record.withdrawn ? ', taken back' : ''}${record.supersedes === '' ? '' : `, after ${record.supersedes}`}`]), record.dataJson,
    );
  }
  return { title: `Event ${name}${record === undefined ? ' (in quarantine)' : `, ${record.type}`}`, lines, causes: [], ...(record && { traceparents: [record.traceparent] }) };
}
