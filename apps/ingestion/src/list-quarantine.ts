import { forbidden, invalid } from '@rhei/contracts';
import { mayActFor, type Database, type Principal, type Role } from '@rhei/runtime';
import { listQuarantine as readQuarantine, type QuarantineRow } from './quarantine.store';

/** Roles that see the quarantine of every source; a publisher sees that of its own. */
const readers: Role[] = ['developer', 'operator', 'auditor', 'admin'];
export const quarantineReaders: Role[] = [...readers, 'publisher'];

const page = { usual: 100, most: 1_000 };

/**
 * A page of what is kept in quarantine, the newest first, and how many there are in all.
 * @param query `limit` 0 is the usual page; `after` is the id of the last event of the page before
 * @throws RheiError `forbidden` where a publisher asks for another's source, `invalid` for a limit or id that is none
 */
export function listQuarantine(database: Database, principal: Principal, query: { source: string; limit: number; after: string }): Promise<{ events: QuarantineRow[]; total: number }> {
  const { source, limit, after } = query;
  if (!Number.isInteger(limit) || limit < 0 || limit > page.most) {
    throw invalid(`The limit of a page is ${limit}; expected a whole number from 1 to ${page.most}.`, { field: 'limit', expected: `1 to ${page.most}`, got: `${limit}` });
  }
  if (!/^\d{0,18}$/.test(after)) throw invalid(`There is no page after "${after}"; expected the id of the last event of the page before.`, { field: 'after', expected: 'an id', got: after });
  return readQuarantine(database, { sources: visible(principal, source), limit: limit || page.usual, after: after === '' ? undefined : after });
}

function visible(principal: Principal, source: string): string[] | undefined {
  const { roles, name } = principal;
  if (roles.some((role) => readers.includes(role) || role === 'publisher')) return source === '' ? undefined : [source];
  const own = roles.flatMap((role) => (role.startsWith('publisher:') ? [role.slice('publisher:'.length)] : []));
  if (source === '') return own;
  if (mayActFor(principal, 'publisher', source)) return [source];
  throw forbidden(`${name} may not see the quarantine of source "${source}": that takes publisher:${source}, developer, operator, auditor or admin.`, { expected: `publisher:${source}`, got: roles.join(', ') });
}
