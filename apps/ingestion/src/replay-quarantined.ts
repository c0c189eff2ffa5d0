import { forbidden, invalid, RheiError } from '@rhei/contracts';
import type { Database, Principal, Transaction } from '@rhei/runtime';
import { foresee, mendWithin, type Submission } from './accept-events';
import { checkReason, idTaken, recordMended, submissionOf } from './fix-quarantined';
import { checkPage, filterOf, noRow, rowId, usualPage } from './list-quarantine';
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
 * Judges events again, as they were sent, under the contract in force; what is sound now is taken in, the rest stays. In
 * one transaction, the oldest first.
 * @throws RheiError `invalid`, `not_found` for an id that is none, `forbidden` for another's source
 */
export function replayQuarantined({ database, contracts }: Deps, principal: Principal, traceparent: string, request: ReplayRequest): Promise<{ events: Replayed[]; left: number }> {
  const { ids, source, type, code, limit, after, dryRun, reason } = request;
  checkPage(limit, after);
  checkReason(reason);
  if (ids.length > mostIds) throw invalid(`${ids.length} events are named; at most ${mostIds} are replayed at once.`, { field: 'ids', expected: `at most ${mostIds}`, got: `${ids.length}` });
  if (ids.length > 0 && [source, type, code, after].some((text) => text !== '')) {
    throw invalid('Events that are named need no filter.', { field: 'ids', expected: 'ids, or a filter', got: 'both' });
  }
  const named = [...new Set(ids.map((id) => rowId(id, 'ids')))];
  return database.transaction(async (tx) => {
    const filter = { ...filterOf(principal, { source, type, code }), sources: visibleSources(principal, source, 'mend') };
    const found = named.length > 0 ? { sequences: named, total: named.length } : await openQuarantined(tx, filter, after || '0', limit || usualPage);
    const rows = await lockQuarantined(tx, found.sequences);
    const missing = named.find((id) => !rows.some(({ sequence }) => BigInt(sequence) === BigInt(id)));
    if (missing !== undefined) throw noRow(missing, 'ids');
    for (const row of rows) refuseRow(principal, row, 'mend');
    const events = await replayRows(tx, contracts, rows.map((row) => candidateOf(row, principal, traceparent)), { by: principal.name, reason, dryRun });
    return { events, left: found.total - found.sequences.length };
  });
}

type Candidate = { row: QuarantineRow } & ({ submission: Submission } | { answer: Omit<Replayed, 'row'> });

function candidateOf(row: QuarantineRow, principal: Principal, traceparent: string): Candidate {
  if (row.mended !== undefined) return { row, answer: { status: row.mended.outcome } };
  const refused = (error: RheiError): Candidate => ({ row, answer: { status: error.code, error } });
  if (row.code === 'conflict') return refused(idTaken(row));
  const { event, fault } = readOriginal(row);
  if (event === undefined) return refused(new RheiError(fault!.code, fault!.message, { ...fault!.details, hint: fault!.details.hint ?? `Mend it: rhei quarantine fix ${row.sequence}` }));
  if (event.source !== row.source) return refused(forbidden(`Event ${row.sequence} in quarantine came by the topic of source "${row.source}" and says "${event.source}".`, { field: 'source', rule: 'one topic, one source', expected: row.source, got: event.source }));
  return { row, submission: submissionOf(row, event, principal, traceparent) };
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
