import { compareSchemas, parseDuration, type SchemaChange } from '@rhei/expressions';
import type { EventTypeSpec, SourceSpec } from './source';

/** As a change of a schema; `field` may be one of the contract too. */
type ContractChange = SchemaChange;

/** How a newer contract differs from the one in force. Who reads the events is not known here: services that do are asked by name. */
export function compareSources(before: SourceSpec, after: SourceSpec): (ContractChange & { event: string })[] {
  const changes: (ContractChange & { event: string })[] = [];
  for (const event of new Set([...Object.keys(before.events), ...Object.keys(after.events)])) {
    const [old, now] = [before.events, after.events].map((events) => (Object.hasOwn(events, event) ? events[event] : undefined));
    if (now === undefined) changes.push({ event, field: 'the event', what: 'it is gone', breaks: 'readers' });
    else if (old === undefined) changes.push({ event, field: 'the event', what: 'it is new' });
    else changes.push(...compareEvents(old, now).map((change) => ({ event, ...change })));
  }
  const [skew, newSkew] = [parseDuration(before.skew), parseDuration(after.skew)];
  if (skew !== newSkew) changes.push({ event: 'every event', field: 'skew', what: `${before.skew} becomes ${after.skew}`, ...(newSkew < skew && { breaks: 'publishers' as const }) });
  return changes;
}

function compareEvents(before: EventTypeSpec, after: EventTypeSpec): ContractChange[] {
  const changes = compareSchemas(before.schema, after.schema);
  // What orders records, dates them, or tells facts apart means another thing for records to come than for those that there are.
  for (const field of ['key', 'time', 'identity', 'revision', 'withdrawn'] as const) {
    if (before[field] === after[field]) continue;
    const fromNowOn = field !== 'key' && field !== 'time' && before[field] === undefined;
    changes.push({ field, what: `${before[field] ?? 'nothing'} becomes ${after[field] ?? 'nothing'}${fromNowOn ? ', for what is sent from now on' : ''}`, ...(!fromNowOn && { breaks: 'readers' as const }) });
  }
  const [held, holds] = [before, after].map(({ expect }) => new Set(expect.map(({ rule }) => rule)));
  for (const rule of holds) if (!held.has(rule)) changes.push({ field: 'expect', what: `${rule} is new`, breaks: 'publishers' });
  for (const rule of held) if (!holds.has(rule)) changes.push({ field: 'expect', what: `${rule} is dropped` });
  return changes;
}

/** A line for each change, those that break something first. */
export function notesOf(before: SourceSpec, after: SourceSpec): string[] {
  const changes = compareSources(before, after);
  const line = ({ event, field, what, breaks, loosens }: (typeof changes)[number]): string =>
    `${breaks !== undefined ? `breaking for ${breaks}` : loosens !== undefined ? 'compatible for readers that ask first' : 'compatible'}: ${event}: ${field}: ${what}`;
  // Where a service that reads it is hurt, the bundle is refused before anybody sees these lines.
  const passes = changes.some(({ breaks }) => breaks === 'readers') ? ['passes where no service that was asked reads what changes for readers'] : [];
  const ofBreaking = (breaking: boolean): string[] => changes.filter(({ breaks }) => (breaks !== undefined) === breaking).map(line);
  return [...ofBreaking(true), ...passes, ...ofBreaking(false)];
}

