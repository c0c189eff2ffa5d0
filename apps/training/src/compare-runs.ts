import { conflict, type training } from '@rhei/contracts';
import { blockBootstrap } from '@rhei/statistics';
import type { Deps } from './deps';
import { differencesIn, type RunDifference } from './difference';
import type { ScoredDay } from './fit/task';
import type { Run } from './run';
import { runNamed } from './run.store';

export interface RunComparison {
  a: Run;
  b: Run;
  differences: RunDifference[];
  metrics: training.RunMetric[];
  /** Log loss of a minus that of b on the same rows. */
  paired: training.PairedDifference | undefined;
  /** Why there is none; empty when there is. */
  unpaired: string;
}

/** What differs between two runs, and what that did to their models. Errors: `not_found`; `conflict` (`SAME_RUN`). */
export async function compareRuns({ database }: Pick<Deps, 'database'>, ids: { a: string; b: string }): Promise<RunComparison> {
  const [a, b] = [await runNamed(database, ids.a), await runNamed(database, ids.b)];
  if (a.id === b.id) throw conflict(`Both runs are ${a.id}; expected two. Name another run to compare with.`, { reason: 'SAME_RUN', field: 'b', expected: `a run other than ${a.id}`, got: b.id, hint: '"rhei runs list" names them' });
  return comparisonOf(a, b);
}

/** The pure part of {@link compareRuns}; causes come first: data, code, parameters, plan, champion, then what follows. */
export function comparisonOf(a: Run, b: Run): RunComparison {
  const of = (what: string, one = '', other = ''): RunDifference[] => (one === other ? [] : [{ what, a: one, b: other }]);
  const { engine: _, ...planA } = a.spec;
  const { engine: __, ...planB } = b.spec;
  return {
    a, b,
    differences: [
      ...of('training set', a.trainingSetDigest, b.trainingSetDigest), ...differencesIn('reads', a.reads, b.reads), ...of('code', a.record?.codeDigest, b.record?.codeDigest),
      ...differencesIn('parameters', a.record?.parameters ?? a.spec.engine, b.record?.parameters ?? b.spec.engine), ...differencesIn('plan', planA, planB),
      ...of('champion', a.champion?.digest, b.champion?.digest), ...of('holdout', a.record?.scored.digest, b.record?.scored.digest),
      ...of('state', a.state, b.state), ...of('model', a.artifactDigest, b.artifactDigest),
    ],
    metrics: metricsOf(a, b), ...pairOf(a, b),
  };
}

function metricsOf(a: Run, b: Run): training.RunMetric[] {
  if (a.report === undefined || b.report === undefined) return [];
  const [one, other] = [a.report.challenger, b.report.challenger];
  return (['logLoss', 'auc', 'brier'] as const).map((name) => ({ name, a: one[name], b: other[name] }));
}

function pairOf(a: Run, b: Run): Pick<RunComparison, 'paired' | 'unpaired'> {
  const without = [a, b].find(({ record }) => record === undefined);
  if (without !== undefined) return { paired: undefined, unpaired: `run ${without.id} recorded no scores` };
  if (a.record!.scored.digest !== b.record!.scored.digest) return { paired: undefined, unpaired: 'they scored different rows' };
  const days = a.record!.scored.days.map((day, at) => evenly(day, b.record!.scored.days[at]));
  if (days.length < 2) return { paired: undefined, unpaired: 'the rows that they scored are of one day only' };
  const { mean, low, high, rows, days: count } = blockBootstrap(days, { seed: a.spec.seed, name: 'runs compared' });
  return { paired: { mean, low, high, rows, days: count }, unpaired: '' };
}

/** The day's difference, the same for each of its rows: an interval from whole days reads their sums only. */
const evenly = (a: ScoredDay, b: ScoredDay): Float64Array => new Float64Array(a.rows).fill((a.logLoss - b.logLoss) / a.rows);
