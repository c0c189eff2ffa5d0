import { invalid, notFound } from '@rhei/contracts';
import type { Database, Principal } from '@rhei/runtime';
import { readOriginal } from './original-event';
import { refuseRow, visibleSources } from './quarantine-access';
import { findQuarantined, listQuarantine as readQuarantine, type QuarantineFilter, type QuarantineRow } from './quarantine.store';

const page = { usual: 100, most: 1_000 };

/** Narrows a listing; an empty text is all. */
export interface QuarantineQuery {
  source: string;
  type: string;
  code: string;
  state: string;
  /** 0 is the usual page. */
  limit: number;
  /** The id of the last event of the page before. */
  after: string;
}

/**
 * A page of what is kept in quarantine, the newest first, and how many there are in all.
 * @throws RheiError `forbidden` where a publisher asks for another's source, `invalid` for a limit, state or id that is none
 */
export function listQuarantine(database: Database, principal: Principal, { state, limit, after, ...query }: QuarantineQuery): Promise<{ events: QuarantineRow[]; total: number }> {
  checkPage(limit, after);
  if (state !== '' && state !== 'open' && state !== 'mended') throw invalid(`There is no state "${state}" of an event in quarantine; expected open or mended.`, { field: 'state', expected: 'open or mended', got: state, hint: 'Leave it out for both.' });
  return readQuarantine(database, { ...filterOf(principal, query), ...(state !== '' && { state }), limit: limit || page.usual, after: after === '' ? undefined : after });
}

/**
 * One event of the quarantine, and what was sent as structured JSON; undefined where it cannot be read as that.
 * @throws RheiError `not_found`, and `forbidden` where it is of another's source
 */
export async function getQuarantined(database: Database, principal: Principal, id: string): Promise<{ row: QuarantineRow; value?: Record<string, unknown> }> {
  const row = await findQuarantined(database, rowId(id));
  if (row === undefined) throw noRow(id);
  refuseRow(principal, row, 'see');
  return { row, value: readOriginal(row).value };
}

/** Errors: `invalid` for a limit or an id that is none. */
export function checkPage(limit: number, after: string): void {
  if (!Number.isInteger(limit) || limit < 0 || limit > page.most) {
    throw invalid(`The limit of a page is ${limit}; expected a whole number from 1 to ${page.most}.`, { field: 'limit', expected: `1 to ${page.most}`, got: `${limit}`, hint: 'Read on from the last event of a page with "after".' });
  }
  if (!/^\d{0,18}$/.test(after)) throw invalid(`There is no page after "${after}"; expected the id of the last event of the page before.`, { field: 'after', expected: 'an id', got: after, hint: '"rhei quarantine list" shows ids; leave "after" out for the first page' });
}

export const usualPage = page.usual;

/** What the principal may see of what it asks for. Errors: `forbidden`. */
export const filterOf = (principal: Principal, { source, type, code }: Pick<QuarantineQuery, 'source' | 'type' | 'code'>): Omit<QuarantineFilter, 'state'> =>
  ({ sources: visibleSources(principal, source), ...(type !== '' && { type }), ...(code !== '' && { code }) });

/** Errors: `invalid` for what is no id of a row. */
export function rowId(id: string, field = 'id'): string {
  if (/^\d{1,18}$/.test(id)) return id;
  throw invalid(`"${id}" is no id of an event in quarantine; expected a whole number, as "rhei quarantine list" shows it.`, { field, expected: 'a whole number', got: id, hint: 'rhei quarantine list' });
}

export const noRow = (id: string, field = 'id') => notFound(`There is no event ${id} in quarantine.`, { field, expected: 'the id of an event in quarantine', got: id, hint: 'rhei quarantine list' });
