import type { Instant } from '@rhei/runtime';
import { compareEntries, type Entry } from './window';

/** What is known about one entity's records from the instant `first` on. */
export interface Known {
  first: Instant;
  /** Whether a record begins or ceases to count at `first` itself. */
  changes: boolean;
  /** The newest record, by the total order, of those known by `first` that are never superseded. */
  standing: Entry | undefined;
  /** Every record that becomes known after `first`, those included that were superseded before. */
  later: readonly Entry[];
  /** The records known by `first` that are superseded after it. */
  ending: readonly Entry[];
  /** Event times of the records that this change brought or ended. */
  touched: readonly Instant[];
}

/** An instant from which the value may differ from what it was before. */
export interface Step {
  knownAt: Instant;
  /** By the total order, of the records that count from then on; undefined: none does. */
  newest: Entry | undefined;
  /** What counts from here on, and what does no longer; of a change at `first` that is in what stands. */
  begin: Entry[];
  end: Entry[];
}

/** The instants at which the value of one entity has to be computed again. */
export function stepsOf({ first, changes, standing, later, ending }: Known): Step[] {
  const turns: { at: Instant; entry: Entry; begins: boolean }[] = ending.map((entry) => ({ at: entry.until!, entry, begins: false }));
  for (const entry of later) {
    if (entry.until !== undefined && entry.until <= entry.knownAt) continue;
    turns.push({ at: entry.knownAt, entry, begins: true });
    if (entry.until !== undefined) turns.push({ at: entry.until, entry, begins: false });
  }
  turns.sort((a, b) => a.at - b.at);
  const counting = new Set(standing === undefined ? ending : [standing, ...ending]);
  let newest = newestOf(counting);
  const steps: Step[] = changes ? [{ knownAt: first, newest, begin: [], end: [] }] : [];
  for (let index = 0; index < turns.length;) {
    // What becomes known at one instant shows as one change.
    const step: Step = { knownAt: turns[index].at, newest: undefined, begin: [], end: [] };
    for (; index < turns.length && turns[index].at === step.knownAt; index += 1) {
      const { entry, begins } = turns[index];
      (begins ? step.begin : step.end).push(entry);
      if (begins) counting.add(entry);
    }
    for (const entry of step.begin) if (newest === undefined || compareEntries(entry, newest) > 0) newest = entry;
    for (const entry of step.end) counting.delete(entry);
    if (newest !== undefined && !counting.has(newest)) newest = newestOf(counting);
    step.newest = newest;
    steps.push(step);
  }
  return steps;
}

function newestOf(entries: Iterable<Entry>): Entry | undefined {
  let newest: Entry | undefined;
  for (const entry of entries) if (newest === undefined || compareEntries(entry, newest) > 0) newest = entry;
  return newest;
}
