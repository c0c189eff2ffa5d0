import { forbidden, invalid, RheiError } from '@rhei/contracts';
import type { Database, Principal, Transaction } from '@rhei/runtime';
import { foresee, mendWithin, type Submission } from './accept-events';
import type { CloudEvent } from './cloud-event';
import { checkReason, idTaken, mendedOtherwise, recordMended, submissionOf } from './fix-quarantined';
import { checkPage, filterOf, noRow, rowId, usualPage } from './list-quarantine';
import { mendedEvent, type Mending } from './mended-event';
import { readOriginal } from './original-event';
import { refuseRow, visibleSources } from './quarantine-access';
import { lockQuarantined, openQuarantined, type QuarantineRow } from './quarantine.store';
import type { ContractStore } from './source.store';

interface Deps {
  database: Database;
  contracts: ContractStore;
}
export interface ReplayRequest {
  /** These; else what the filters find. */
  ids: string[];
  /** Instead of both: these, with what they should have said. */
  mended: (Mending & { id: string })[];
  source: string;
  type: string;
  code: string;
  limit: number;
  after: string;
  dryRun: boolean;
  reason: string;
}
/** What became of one row, or would. */
export interface Replayed {
  row: QuarantineRow;
  status: 'accepted' | 'duplicate' | RheiError['code'];
  error?: RheiError;
}

const mostIds = 1_000;

/**
 * Judges events again, as they were sent or as they are put right, under the contract in force; what is sound now is taken
 * in, the rest stays. In one transaction, the oldest first.
 * @throws RheiError `invalid`, `not_found` for an id that is none, `forbidden` for another's source
 */
export function replayQuarantined({ database, contracts }: Deps, principal: Principal, traceparent: string, request: ReplayRequest): Promise<{ events: Replayed[]; left: number }> {
  const { ids, mended, source, type, code, limit, after, dryRun, reason } = request;
  checkPage(limit, after);
  checkReason(reason);
  const field = mended.length > 0 ? 'mended' : 'ids';
  const count = ids.length + mended.length;
  if (count > mostIds) throw invalid(`${count} events are named; at most ${mostIds} are replayed at once.`, { field, expected: `at most ${mostIds}`, got: `${count}`, hint: 'Send them in several requests.' });
  if (count > 0 && [source, type, code, after].some((text) => text !== '')) {
    throw invalid('Events that are named need no filter.', { field, expected: `${field}, or a filter`, got: 'both', hint: 'Leave source, type, code and "after" out.' });
  }
  if (ids.length > 0 && mended.length > 0) throw invalid('Events are either judged as they were sent (ids) or as they are put right (mended).', { field, expected: 'ids or mended', got: 'both', hint: 'Send two requests.' });
  const contents = new Map(mended.map(({ id, ...mending }) => [BigInt(rowId(id, field)), mending]));
  if (contents.size < mended.length) throw invalid('An event is mended twice in one request.', { field, expected: 'each id once', got: `${mended.length} contents of ${contents.size} events`, hint: 'Keep one content of each; ids with leading zeros are the same ones.' });
  const named = mended.length > 0 ? mended.map(({ id }) => id) : [...new Set(ids.map((id) => rowId(id, field)))];
  return database.transaction(async (tx) => {
    const filter = { ...filterOf(principal, { source, type, code }), sources: visibleSources(principal, source, 'mend') };
    const found = named.length > 0 ? { sequences: named, total: named.length } : await openQuarantined(tx, filter, after || '0', limit || usualPage);
    const rows = await lockQuarantined(tx, found.sequences);
    const missing = named.find((id) => !rows.some(({ sequence }) => BigInt(sequence) === BigInt(id)));
    if (missing !== undefined) throw noRow(missing, field);
    for (const row of rows) refuseRow(principal, row, 'mend');
    const events = await replayRows(tx, contracts, rows.map((row) => candidateOf(row, contents.get(BigInt(row.sequence)), principal, traceparent)), { by: principal.name, reason, dryRun });
    return { events, left: found.total - found.sequences.length };
  });
}

type Candidate = { row: QuarantineRow } & ({ submission: Submission } | { answer: Omit<Replayed, 'row'> });

function candidateOf(row: QuarantineRow, content: Mending | undefined, principal: Principal, traceparent: string): Candidate {
  const refused = (error: RheiError): Candidate => ({ row, answer: { status: error.code, error } });
  if (row.mended !== undefined && content === undefined) return { row, answer: { status: row.mended.outcome } };
  if (row.mended === undefined && row.code === 'conflict') return refused(idTaken(row));
  try {
    const event = content === undefined ? asSent(row) : mendedEvent(row, content);
    if (row.mended === undefined) return { row, submission: submissionOf(row, event, principal, traceparent) };
    return row.mended.digest === event.digest ? { row, answer: { status: row.mended.outcome } } : refused(mendedOtherwise(row, row.mended, event));
  } catch (error) {
    if (error instanceof RheiError) return refused(error);
    throw error;
  }
}

function asSent(row: QuarantineRow): CloudEvent {
  const { event, fault } = readOriginal(row);
  if (event === undefined) throw new RheiError(fault!.code, fault!.message, { ...fault!.details, hint: fault!.details.hint ?? `Mend it: rhei quarantine fix ${row.sequence}` });
  if (event.source !== row.source) throw forbidden(`Event ${row.sequence} in quarantine came by the topic of source "${row.source}" and says "${event.source}".`, { field: 'source', rule: 'one topic, one source', expected: row.source, got: event.source });
  return event;
}

async function replayRows(tx: Transaction, contracts: ContractStore, candidates: Candidate[], { by, reason, dryRun }: { by: string; reason: string; dryRun: boolean }): Promise<Replayed[]> {
  const submissions = candidates.flatMap((one) => ('submission' in one ? [one.submission] : []));
  const outcomes = await (dryRun ? foresee : mendWithin)(tx, contracts, submissions);
  const inOrder = new Map(submissions.map((submission, index) => [submission, outcomes[index]]));
  const replayed = candidates.map((one): Replayed => {
    if ('answer' in one) return { row: one.row, ...one.answer };
    const outcome = inOrder.get(one.submission)!;
    if (!('error' in outcome)) return { row: one.row, status: outcome.status };
    return { row: one.row, status: outcome.status, error: outcome.status === 'conflict' ? idTaken(one.row, outcome.error) : outcome.error };
  });
  if (dryRun) return replayed;
  await recordMended(tx, candidates.flatMap((one, index) => {
    const { status } = replayed[index];
    if (!('submission' in one) || (status !== 'accepted' && status !== 'duplicate')) return [];
    return [{ row: one.row, mended: { by, at: tx.now, reason, outcome: status, digest: one.submission.event.digest } }];
  }));
  return replayed;
}
