import type { training } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { ask, type Doors } from './doors';

export interface RunRow {
  run: string;
  plan: string;
  asOf: string;
  state: string;
  by: string;
  reason: string;
  /** Why it failed; empty otherwise. */
  failure: string;
}

/** All runs, oldest first. */
export async function runsOf(doors: Doors): Promise<RunRow[]> {
  const runs: training.Run[] = [];
  for (let more = true; more; ) {
    const page = await ask(doors, doors.training, doors.training.listRuns, { model: '', plan: '', state: '', limit: 500, after: runs.at(-1)?.id ?? '' });
    runs.push(...page.runs);
    more = page.runs.length > 0 && runs.length < page.total;
  }
  return runs.sort((a, b) => a.asOf - b.asOf || (a.id < b.id ? -1 : 1)).map(({ id, plan, asOf, state, by, causeJson, failure }) => ({
    run: id, plan, asOf: formatInstant(asOf), state, by, reason: (JSON.parse(causeJson || '{}') as { reason?: string }).reason ?? '', failure,
  }));
}
