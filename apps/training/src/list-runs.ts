import { invalid } from '@rhei/contracts';
import type { Queryable } from '@rhei/messaging';
import { isOpen, runStates, type Run, type RunState } from './run';
import { pageOfRuns } from './run.store';

const page = { usual: 50, most: 1_000 };
const states = ['open', ...runStates];

/** Narrows a listing; an empty text is all. */
export interface RunQuery {
  model: string;
  plan: string;
  /** A state, or "open". */
  state: string;
  /** 0 is the usual page. */
  limit: number;
  /** The id of the last run of the page before. */
  after: string;
}

/**
 * A page of runs, the newest first, and how many there are in all.
 * Errors: `invalid` for a limit or a state that is none; `not_found` for a page after a run that is not there.
 */
export async function listRuns(q: Queryable, { state, limit, ...query }: RunQuery): Promise<{ runs: Run[]; total: number }> {
  if (limit < 0 || limit > page.most) throw invalid(`The limit of a page is ${limit}; expected a whole number from 1 to ${page.most}.`, { field: 'limit', expected: `1 to ${page.most}`, got: `${limit}`, hint: 'for more, go on with "after"' });
  if (state !== '' && !states.includes(state)) throw invalid(`A run is never "${state}"; expected one of ${states.join(', ')}.`, { field: 'state', expected: `one of ${states.join(', ')}`, got: state, hint: '"open" is waiting or running; nothing is every state' });
  return pageOfRuns(q, { ...query, states: statesOf(state), limit: limit || page.usual });
}

const statesOf = (state: string): readonly RunState[] => (state === 'open' ? runStates.filter(isOpen) : runStates.filter((one) => state === '' || one === state));
