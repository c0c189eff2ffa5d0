import { formatInstant, type Instant } from '@rhei/expressions';
import { originFields } from './manifest';

/**
 * The card of a run that took its file from `madeBy`: what was measured is the same, since the rows are; when they were known
 * and where they come from is its own, for another set may hold the same rows.
 */
export function cardFromCache(card: unknown, own: { asOf: Instant; origin: Record<string, unknown> }, madeBy: { run: string; asOf: Instant }): unknown {
  const { data, ...measured } = card as { data: Record<string, unknown> };
  const ofTheRows = Object.fromEntries(Object.entries(data).filter(([field]) => !(originFields as readonly string[]).includes(field)));
  return { ...measured, data: { ...ofTheRows, asOf: formatInstant(own.asOf), ...own.origin }, madeBy: { run: madeBy.run, asOf: formatInstant(madeBy.asOf) } };
}
