import type { Instant } from '@rhei/runtime';

/** One statement of a fact. */
export interface Statement {
  source: string;
  type: string;
  /** Empty: a fact of its own. */
  identity: string;
  id: string;
  revision: number;
  eventTime: Instant;
  arrival: Instant;
}

/** The order in which statements of one fact count: the last one does. */
export function byRevision(a: Statement, b: Statement): number {
  return a.revision - b.revision || a.eventTime - b.eventTime || a.arrival - b.arrival || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/**
 * Fills `supersedes` of new records: the id of the record of the same fact that counted before. `known` holds, of each
 * fact that has records, the one that counts. What one commit takes in of a fact comes in the order of its revisions.
 */
export function succeed(records: readonly (Statement & { supersedes: string })[], known: readonly Statement[]): void {
  const counts = new Map(known.map((statement) => [factOf(statement), statement]));
  for (const record of records.filter(({ identity }) => identity !== '').sort(byRevision)) {
    const before = counts.get(factOf(record));
    // A record that was there before is met again here, and not added.
    if (before !== undefined && before.id !== record.id) record.supersedes = before.id;
    if (before === undefined || byRevision(before, record) < 0) counts.set(factOf(record), record);
  }
}

/**
 * As {@link succeed}, of those that were added in the end: others stated nothing, such as another content of a known id.
 * Returns the records of which this says something else than before.
 */
export function succeedAnew<Of extends Statement & { supersedes: string }>(records: readonly Of[], known: readonly Statement[]): Of[] {
  const before = records.map(({ supersedes }) => supersedes);
  for (const record of records) record.supersedes = '';
  succeed(records, known);
  return records.filter(({ supersedes }, index) => supersedes !== before[index]);
}

const factOf = ({ source, type, identity }: Statement): string => JSON.stringify([source, type, identity]);
