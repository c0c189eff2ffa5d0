import { canonicalJson } from '@rhei/expressions';
import { isObject } from '../report';
import { figure, list, plain, table } from './markdown';

/** Columns that people look for first, in their order; others follow by name. */
const first = ['column', 'kind', 'from', 'to', 'predicted', 'observed', 'mean', 'low', 'high', 'rows'];

/** What a run put into its report in a shape of its own (leaks, bins), as a table of its fields; empty when there is none. */
export function rowsOf(value: unknown): string {
  if (isObject(value)) return list(Object.keys(value).sort(byPlace).map((key) => `${plain(key)}: ${cellOf(value[key])}`));
  if (!Array.isArray(value) || value.length === 0) return '';
  const rows = value.map((item: unknown) => (isObject(item) ? item : { value: item }));
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].sort(byPlace);
  return table(columns.map((name) => ({ name: plain(name), right: rows.every((row) => row[name] === undefined || row[name] === null || typeof row[name] === 'number') })),
    rows.map((row) => columns.map((name) => cellOf(row[name]))));
}

function cellOf(value: unknown): string {
  if (value === undefined || value === null) return '–';
  if (typeof value === 'number') return figure(value);
  return plain(typeof value === 'string' ? value : canonicalJson(value));
}

function byPlace(a: string, b: string): number {
  const place = (name: string): number => (first.includes(name) ? first.indexOf(name) : first.length);
  return place(a) - place(b) || (a < b ? -1 : a > b ? 1 : 0);
}
