import { canonicalJson, sha256, type Instant } from '@rhei/expressions';
import type { Queryable } from '@rhei/messaging';
import type { DecisionToRecord } from './transaction';

/** One link of a service's chain of decisions, as `ListDecisions` gives it. */
export interface RecordedDecision {
  sequence: number;
  /** Business time, and the system time at which it was written. */
  asOf: Instant;
  writtenAt: Instant;
  subject: string;
  action: string;
  by: string;
  /** Canonical JSON. */
  inputsJson: string;
  inputsDigest: string;
  outcomeJson: string;
  previousHash: string;
  hash: string;
}

/** The hash before the first decision. */
export const GENESIS = '0'.repeat(64);

/** SHA-256 over the previous hash, a line feed, and the canonical JSON of the other fields. */
export function linkHash({ previousHash, hash: _hash, ...fields }: Omit<RecordedDecision, 'hash'> & { hash?: string }): string {
  return sha256(`${previousHash}\n${canonicalJson(fields)}`);
}

export type ChainVerdict = { ok: true; decisions: number; head: string } | { ok: false; sequence: number; fault: string };

/**
 * Checks a chain from its beginning: sequences without gaps, each link's hash over its content and its predecessor, digests of
 * inputs. It needs nothing but the rows, so an auditor can run it far from the platform. `head` says what the chain must end
 * in, where that is known from elsewhere: only then is a cut at its end noticed.
 */
export function verifyChain(decisions: Iterable<RecordedDecision>, head?: { sequence: number; hash: string }): ChainVerdict {
  let previous = { sequence: 0, hash: GENESIS };
  for (const decision of decisions) {
    const fault = faultOf(decision, previous);
    if (fault !== undefined) return { ok: false, sequence: decision.sequence, fault };
    previous = decision;
  }
  if (head && (head.sequence !== previous.sequence || head.hash !== previous.hash)) {
    return { ok: false, sequence: previous.sequence, fault: `expected the chain to end at ${head.sequence} with ${head.hash}; it ends at ${previous.sequence} with ${previous.hash}` };
  }
  return { ok: true, decisions: previous.sequence, head: previous.hash };
}

function faultOf(decision: RecordedDecision, previous: { sequence: number; hash: string }): string | undefined {
  const expected = previous.sequence + 1;
  if (decision.sequence !== expected) return `expected decision ${expected} next, got ${decision.sequence}: rows are missing or doubled`;
  if (decision.previousHash !== previous.hash) return `expected previous hash ${previous.hash}, got ${decision.previousHash}`;
  const inputs = sha256(decision.inputsJson);
  if (decision.inputsDigest !== inputs) return `expected inputs with the digest ${decision.inputsDigest}, got ${inputs}: the inputs were changed`;
  const hash = linkHash(decision);
  if (decision.hash !== hash) return `expected hash ${decision.hash}, got ${hash}: the row was changed`;
  return undefined;
}

/** Appends to the chain. The head's row is locked until the commit, so that two writers cannot build on one link. */
export async function appendDecisions(tx: Queryable, decisions: DecisionToRecord[], asOf: Instant, writtenAt: Instant): Promise<void> {
  const [head] = await tx.query<{ sequence: number; hash: string }>('SELECT sequence, hash FROM decision_head FOR UPDATE');
  let previous = head;
  const links = decisions.map(({ subject, action, by, inputs, outcome }): RecordedDecision => {
    const inputsJson = canonicalJson(inputs);
    const link = {
      sequence: previous.sequence + 1, asOf, writtenAt, subject, action, by,
      inputsJson, inputsDigest: sha256(inputsJson), outcomeJson: canonicalJson(outcome), previousHash: previous.hash,
    };
    previous = { sequence: link.sequence, hash: linkHash(link) };
    return { ...link, hash: previous.hash };
  });
  const column = <K extends keyof RecordedDecision>(key: K) => links.map((link) => link[key]);
  await tx.query(
    `WITH written AS (
       INSERT INTO decision (sequence, as_of, written_at, subject, action, "by", inputs, inputs_digest, outcome, previous_hash, hash)
       SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[]))
     UPDATE decision_head SET sequence = $12, hash = $13`,
    [column('sequence'), column('asOf'), column('writtenAt'), column('subject'), column('action'), column('by'), column('inputsJson'),
      column('inputsDigest'), column('outcomeJson'), column('previousHash'), column('hash'), previous.sequence, previous.hash]);
}

/** A page of the chain, in its order, from after `after`. */
export function readDecisions(q: Queryable, { after, limit, subject }: { after: number; limit: number; subject?: string }): Promise<RecordedDecision[]> {
  return q.query<RecordedDecision>(
    `SELECT sequence, as_of AS "asOf", written_at AS "writtenAt", subject, action, "by", inputs AS "inputsJson", inputs_digest AS "inputsDigest",
       outcome AS "outcomeJson", previous_hash AS "previousHash", hash
     FROM decision WHERE sequence > $1 AND ($3::text IS NULL OR subject = $3) ORDER BY sequence LIMIT $2`, [after, limit, subject ?? null]);
}
