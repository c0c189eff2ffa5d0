import { conflict, invalid, type RheiError } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { annotate, type Database, type Instant, type Principal, type Transaction } from '@rhei/runtime';
import { mendWithin, type Submission } from './accept-events';
import { noRow, rowId } from './list-quarantine';
import { mendedEvent, type Mending } from './mended-event';
import { refuseRow } from './quarantine-access';
import { lockQuarantined, markMended, type Mended, type QuarantineRow } from './quarantine.store';
import { knownRecords } from './record.store';
import type { ContractStore } from './source.store';

interface Deps {
  database: Database;
  contracts: ContractStore;
}
export interface Fixed {
  /** As it is now. */
  row: QuarantineRow;
  shard: number;
  arrival: Instant;
}

const longestReason = 500;

/**
 * Takes a mended event in, and keeps on record who did it and why. It arrives now, at its own event time. The same content
 * again answers what was recorded.
 * @throws RheiError `rejected` where it still breaks its contract, `conflict` where its id is taken or it was mended otherwise, `invalid`, `not_found`, `forbidden`
 */
export function fixQuarantined({ database, contracts }: Deps, principal: Principal, traceparent: string, { id, reason, ...mending }: Mending & { id: string; reason: string }): Promise<Fixed> {
  const sequence = rowId(id);
  checkReason(reason);
  return database.transaction(async (tx) => {
    const [row] = await lockQuarantined(tx, [sequence]);
    if (row === undefined) throw noRow(id);
    refuseRow(principal, row, 'mend');
    const event = mendedEvent(row, mending);
    annotate(() => ({ 'rhei.record.id': `${event.source}/${event.id}` }));
    if (row.mended !== undefined) return recorded(tx, row, row.mended, event);
    if (row.code === 'conflict') throw idTaken(row);
    const [outcome] = await mendWithin(tx, contracts, [submissionOf(row, event, principal, traceparent)]);
    if ('error' in outcome) throw outcome.status === 'conflict' ? idTaken(row, outcome.error) : outcome.error;
    const mended: Mended = { by: principal.name, at: tx.now, reason, outcome: outcome.status, digest: event.digest };
    await recordMended(tx, [{ row, mended }]);
    return { row: { ...row, mended }, shard: outcome.shard, arrival: outcome.arrival };
  });
}

async function recorded(tx: Transaction, row: QuarantineRow, mended: Mended, event: { source: string; id: string; digest: string }): Promise<Fixed> {
  if (mended.digest !== event.digest) throw mendedOtherwise(row, mended, event);
  const [record] = await knownRecords(tx, [event]);
  return { row, shard: record.shard, arrival: record.arrival };
}

/** What was mended once stays so. */
export const mendedOtherwise = ({ sequence }: QuarantineRow, mended: Mended, event: { digest: string }): RheiError =>
  conflict(`Event ${sequence} in quarantine was mended with other content by ${mended.by} at ${formatInstant(mended.at)}. To change what it says, send a correction.`, {
    field: 'id', expected: `content ${mended.digest}`, got: `content ${event.digest}`, hint: correction,
  });

/** Errors: `invalid` for a reason that is too long to keep. */
export function checkReason(reason: string): void {
  const nul = reason.includes('\0');
  if (!nul && reason.length <= longestReason) return;
  throw invalid(`The reason ${nul ? 'holds the character NUL' : `has ${reason.length} characters`}; expected at most ${longestReason} characters, without NUL.`, {
    field: 'reason', expected: `at most ${longestReason} characters, without NUL`, got: nul ? 'NUL' : `${reason.length} characters`, hint: 'Name the ticket that tells the rest.',
  });
}

const correction = 'Send a correction: an event with a new id, the identity of the fact, and a higher revision; or withdraw the record so.';

/** What is kept because its id has another content cannot leave the quarantine. */
export const idTaken = ({ sequence, source, eventId }: QuarantineRow, { details: { expected, got } }: Pick<RheiError, 'details'> = { details: {} }): RheiError =>
  conflict(`Event ${sequence} in quarantine cannot be taken in: the id "${eventId}" of source "${source}" is a record with other content, and that stays. ${correction}`, {
    field: 'id', rule: 'one id, one content', expected: expected ?? 'an id that is not taken', got: got ?? eventId, hint: correction,
  });

export const submissionOf = ({ original, sender, headers, stood }: QuarantineRow, event: Submission['event'], { name }: Principal, traceparent: string): Submission =>
  ({ event, original, sender, traceparent, mendedBy: name, ...(headers && { headers }), ...(stood && { stood }) });

/** Marks rows as mended and puts a decision on record for each. What enters it is the same however often a story is told. */
export async function recordMended(tx: Transaction, all: { row: QuarantineRow; mended: Mended }[]): Promise<void> {
  await markMended(tx, all.map(({ row: { sequence }, mended }) => ({ sequence, ...mended })));
  for (const { row: { source, eventId, contentDigest, field, rule }, mended: { by, reason, outcome, digest } } of all) {
    await tx.decide({ subject: `event/${source}/${eventId}`, action: 'mend-event', by, inputs: { original: contentDigest, mended: digest, field, rule, reason }, outcome: { status: outcome } });
  }
}
