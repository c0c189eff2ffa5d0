import { forbidden, RheiError, type ErrorCode } from '@rhei/contracts';
import { annotate, currentContext, linkTo, mayActFor, type Instant, type Principal } from '@rhei/runtime';
import type { Outcome, Submission } from './accept-events';
import { readCloudEvent, type CloudEvent } from './cloud-event';
import type { SentEvent } from './event-body';
import type { GroupCommit } from './group-commit';

/** What became of one event of a request. */
export type Answer = { id?: string; source?: string } & (
  | { status: 'accepted' | 'duplicate'; shard: number; arrival: Instant }
  | { status: ErrorCode; error: RheiError }
);

/**
 * Takes in the events of one request, and answers each, in order, when what was accepted is durable.
 * @throws RheiError for the request as a whole: `overloaded` when too much is waiting, `unavailable` without a database
 */
export async function publishEvents(committer: GroupCommit<Submission, Outcome>, principal: Principal, traceparent: string, sent: SentEvent[]): Promise<Answer[]> {
  const read = sent.map((one) => readSent(one, principal));
  const cause = currentContext();
  const submissions = read.flatMap(({ event, bytes, headers }) => (event === undefined ? [] : [{ event, original: bytes, ...(headers && { headers }), sender: principal.name, traceparent, ...(cause && { cause }) }]));
  for (const origin of new Set(submissions.flatMap(({ event }) => event.traceparent ?? []))) linkTo(origin);
  annotate(() => ({ 'rhei.record.id': submissions.map(({ event: { source, id } }) => `${source}/${id}`), 'rhei.records': sent.length }));
  const bytes = submissions.reduce((sum, { original }) => sum + original.length, 0);
  const outcomes = submissions.length === 0 ? [] : await committer.submit(submissions, bytes);
  const inOrder = outcomes.values();
  return read.map(({ event, answer }) => answer ?? { id: event!.id, source: event!.source, ...inOrder.next().value! });
}

interface Read extends Pick<SentEvent, 'bytes' | 'headers'> {
  event?: CloudEvent;
  answer?: Answer;
}

function readSent({ bytes, headers, value, fault }: SentEvent, principal: Principal): Read {
  if (fault !== undefined) return { bytes, answer: { status: fault.code, error: fault } };
  let event: CloudEvent;
  try {
    event = readCloudEvent(value);
  } catch (error) {
    if (!(error instanceof RheiError)) throw error;
    return { bytes, answer: { ...named(value), status: error.code, error } };
  }
  const { id, source } = event;
  if (mayActFor(principal, 'publisher', source)) return { bytes, headers, event };
  const error = forbidden(`${principal.name} may not publish events of source "${source}": that takes publisher:${source}, publisher or admin.`, { field: 'source', expected: `publisher:${source}`, got: principal.roles.join(', ') });
  return { bytes, answer: { id, source, status: 'forbidden', error } };
}

/** What a value that is no CloudEvent says about itself, so that its sender finds it again in the answer. */
function named(value: unknown): { id?: string; source?: string } {
  const { id, source } = Object(value) as Record<string, unknown>;
  return { ...(typeof id === 'string' && { id }), ...(typeof source === 'string' && { source }) };
}
